// "Did you mean": the known name nearest to a mistyped one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace eventmq {

// How many letters must be inserted, left out, changed or swapped with their neighbour (optimal string
// alignment). Without regard to case; - and _ count as the same.
size_t edit_distance(std::string_view a, std::string_view b);

// Empty if no name is near: at most a third of the letters may differ.
std::string nearest_name(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace eventmq
