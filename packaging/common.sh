# What ./run and ./test share. Sourced by bash, from the repository's folder.

say() { printf '%s\n' "$*"; }

# quietly LOG COMMAND...: its output goes to LOG, and to the terminal only if it fails.
quietly() {
  local log_file=$1
  shift
  mkdir -p "$(dirname "$log_file")"
  "$@" >"$log_file" 2>&1 && return
  local status=$?
  tail -n 100 "$log_file" >&2
  say "failed with exit code $status: $* (all of its output: $log_file)" >&2
  return "$status"
}

# compile FOLDER [TARGET...]: everything, or these targets. A terminal sees ninja's progress.
compile() {
  local folder=$1
  shift
  if [[ -t 1 ]]; then
    cmake --build "$folder" ${1+--target "$@"}
  else
    quietly "$folder/compile.log" cmake --build "$folder" ${1+--target "$@"}
  fi
}

# build_release [TARGET...]: an optimised build in build/, whatever was configured there before.
build_release() {
  local generator=()
  [[ -e build/CMakeCache.txt ]] || generator=(-G Ninja)
  say "Building (the first time takes some minutes)"
  quietly build/configure.log cmake -S . -B build "${generator[@]}" -DCMAKE_BUILD_TYPE=Release && compile build "$@"
}
