# Compiler settings, options and third-party packages that every folder shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
# Quicker to build than CMake's own choice, -O3.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

option(EVENTMQ_BUILD_TESTS "Build the tests" ON)
option(EVENTMQ_BUILD_FUZZERS "Build the libFuzzer programs (needs clang)" OFF)
option(EVENTMQ_WARNINGS_AS_ERRORS "Stop the build on a warning" OFF)
option(EVENTMQ_PRECOMPILE "Compile the heavy headers of the tests once" ON)
# Small sources with large headers: together they take half the time. A change of one compiles its neighbours anew, so
# it is off for daily work.
string(COMPARE EQUAL "${CMAKE_BUILD_TYPE}" Release together)
option(EVENTMQ_UNITY "Compile several sources of a folder as one" ${together})
option(EVENTMQ_JEMALLOC "emq allocates memory with jemalloc, not with the C library" ON)
set(EVENTMQ_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined")

set(CMAKE_UNITY_BUILD ${EVENTMQ_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)
if(EVENTMQ_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_compile_options(-Wno-subobject-linkage)  # GCC takes what was included for a header, which private types may not be in
endif()

if(PROJECT_BINARY_DIR STREQUAL PROJECT_SOURCE_DIR)
  message(FATAL_ERROR "Build in a folder of its own: cmake -S . -B build -G Ninja")
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(EVENTMQ_WARNINGS_AS_ERRORS)
  # GCC 12 warns of `"a" + text`, which is right (GCC bug 105651).
  add_compile_options(-Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-error=restrict>)
endif()
if(EVENTMQ_SANITIZE)
  add_compile_options(-fsanitize=${EVENTMQ_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EVENTMQ_SANITIZE})
endif()
if(EVENTMQ_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "The fuzzers need clang: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(EVENTMQ_CCACHE ccache)
if(EVENTMQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without the sloppiness, ccache compiles anew whatever uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${EVENTMQ_CCACHE})
endif()
find_program(EVENTMQ_LLD ld.lld)
if(EVENTMQ_LLD)
  add_link_options(-fuse-ld=lld)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
# Its header needs none of the flags that libzmq was built with; and CMake gives those in another order when it is run
# again, so that everything would be compiled anew.
set_target_properties(PkgConfig::ZMQ PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${ZMQ_INCLUDEDIR}" INTERFACE_COMPILE_OPTIONS "")
find_package(SQLite3 3.38 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
if(EVENTMQ_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
