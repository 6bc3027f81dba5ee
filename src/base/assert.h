// Assertions for our own mistakes. They stay on in release builds: a broker that has lost track of its
// state must stop, not go on and lose jobs. Never use them on what a peer or a user sent.
#pragma once

#include <fmt/format.h>

#include <string>

namespace eventmq {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line, const std::string& details);

}  // namespace eventmq

// EMQ_ASSERT(condition) or EMQ_ASSERT(condition, "queue {} has {}", name, count).
#define EMQ_ASSERT(condition, ...)                                                                \
  do {                                                                                            \
    if (!(condition)) [[unlikely]]                                                                \
      ::eventmq::assertion_failed(#condition, __FILE__, __LINE__, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
