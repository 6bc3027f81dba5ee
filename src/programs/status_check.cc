#include "src/programs/status_check.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "src/programs/admin_command.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kParts[] = {"done", "dead", "expired", "cancelled", "waiting", "delayed", "running"};

std::optional<StoreProblem> problem_of_counts(const std::string& whose, const Json& row) {
  double sum = 0;
  std::string parts;
  for (const char* part : kParts) {
    sum += number_field(row, part);
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", count_text(number_field(row, part)), part);
  }
  const double accepted = number_field(row, "accepted");
  if (row.is_object() && accepted == sum) return std::nullopt;
  return StoreProblem{"router",
                      fmt::format("the router has accepted {} jobs {}, but {} are {}: restart it, which counts "
                                  "anew what is in the store",
                                  count_text(accepted), whose, parts, count_text(sum))};
}

Json field(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? Json() : *found;
}

}  // namespace

std::vector<StoreProblem> problems_of_status(const Json& status) {
  std::vector<StoreProblem> problems;
  const Json store = field(status, "store");
  if (field(store, "available") != Json(true)) {
    problems.push_back({"router", fmt::format("the router's store is not available, so it takes no guaranteed jobs: {}",
                                              text_field(store, "fault"))});
  }
  if (auto problem = problem_of_counts("in all", field(status, "totals"))) problems.push_back(*problem);
  for (const Json& row : field(status, "queues")) {
    auto problem = problem_of_counts(fmt::format("in queue {}", text_field(row, "name")), row);
    if (problem) problems.push_back(*problem);
  }
  return problems;
}

}  // namespace eventmq
