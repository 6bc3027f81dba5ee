#include "src/programs/progress_line.h"

#include <fmt/format.h>

#include "src/programs/console.h"

namespace eventmq {

void ProgressLine::show(double fraction, std::string_view text) {
  is_open_ = overwrites_;
  fmt::print(out_, "{}{:3.0f}% {}{}", overwrites_ ? "\r\x1b[K" : "", fraction * 100, safe_text(text),
             overwrites_ ? "" : "\n");
  if (fraction >= 1) end();
  std::fflush(out_);
}

void ProgressLine::end() {
  if (!is_open_.exchange(false)) return;
  std::fputc('\n', out_);
  std::fflush(out_);
}

}  // namespace eventmq
