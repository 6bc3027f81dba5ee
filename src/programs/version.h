// The version of this build, from CMakeLists.txt.
#pragma once

namespace eventmq {

inline constexpr const char* kVersion = EVENTMQ_VERSION;

}  // namespace eventmq
