// Numbers that name things, as distinct types: a job's number can never be passed where a peer's is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace eventmq {

template <class Tag>
struct StrongId {
  uint64_t value = 0;  // 0 names nothing

  auto operator<=>(const StrongId&) const = default;
  explicit operator bool() const { return value != 0; }
};

}  // namespace eventmq

template <class Tag>
struct std::hash<eventmq::StrongId<Tag>> {
  size_t operator()(eventmq::StrongId<Tag> id) const { return std::hash<uint64_t>()(id.value); }
};
