#include "src/broker/jobs_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/broker/job_text.h"
#include "src/broker/queue.h"

namespace eventmq {
namespace {

using Map = nlohmann::json;

tl::unexpected<Error> bad_query(std::string text) { return fail(ErrorCode::kBadValue, std::move(text)); }

std::string* text_argument(JobsQuery& query, std::string_view name) {
  return name == "id"      ? &query.id
         : name == "queue" ? &query.queue
         : name == "state" ? &query.state
         : name == "name"  ? &query.name
                           : nullptr;
}

Result<void> read_text(const std::string& name, const Map& value, std::string& target) {
  if (!value.is_string()) return bad_query("argument " + name + " is a text");
  target = value.get<std::string>();
  if (name != "state" || target.empty() || target == "delayed" || target == "waiting" || target == "running") return {};
  return bad_query("argument state is delayed, waiting or running");
}

Result<void> read_place(const Map& value, JobsQuery& query) {
  const auto place = value.is_string() ? JobsPlace::read(value.get<std::string>()) : std::nullopt;
  if (!place) return bad_query("argument after is what another page gave as its next");
  query.after = *place;
  return {};
}

Result<void> read_age(const Map& value, JobsQuery& query) {
  const double seconds = value.is_number() ? value.get<double>() : -1;
  if (!(seconds >= 0 && seconds <= limits::kHeaderDuration.seconds())) {
    return bad_query("argument older_than is a number of seconds");
  }
  query.older_than = microseconds(static_cast<int64_t>(seconds * 1e6));
  return {};
}

Result<void> read_argument(const std::string& name, const Map& value, JobsQuery& query) {
  if (std::string* target = text_argument(query, name)) return read_text(name, value, *target);
  if (name == "after") return read_place(value, query);
  if (name == "older_than") return read_age(value, query);
  if (name == "limit") {
    if (!value.is_number_unsigned()) return bad_query("argument limit is a whole number");
    query.limit = std::min(value.get<size_t>(), limits::kListingRows);
    return {};
  }
  if (name != "all") return bad_query("QUERY has no argument " + name);
  if (!value.is_boolean()) return bad_query("argument all is true or false");
  query.all = value.get<bool>();
  return {};
}

// Without the filter every job fits, even one whose time of acceptance is still to come, since the clock was set back.
bool is_old_enough(const JobsQuery& query, Instant accepted_at, Instant now) {
  return query.older_than.us == 0 || now - accepted_at >= query.older_than;
}

}  // namespace

std::optional<JobsPlace> JobsPlace::read(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'm' && text[0] != 's')) return std::nullopt;
  JobsPlace place{text[0] == 's', 0};
  const auto read = std::from_chars(text.data() + 1, text.data() + text.size(), place.at);
  // A key is a positive integer to every store.
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return whole && place.at <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ? std::optional(place)
                                                                                         : std::nullopt;
}

std::string JobsPlace::text() const { return fmt::format("{}{}", in_store ? 's' : 'm', at); }

Result<JobsQuery> JobsQuery::parse(std::string_view text) {
  JobsQuery query;
  if (text.empty()) return query;
  if (text.size() > limits::kQueryBytes) return fail(ErrorCode::kTooLarge, "the arguments of QUERY are too long");
  const Map json = Map::parse(text, nullptr, false);
  if (!json.is_object()) return bad_query("the arguments of QUERY are a JSON object");
  for (const auto& [name, value] : json.items()) {
    if (auto read = read_argument(name, value, query); !read) return tl::unexpected(read.error());
  }
  return query;
}

bool JobsQuery::fits(const Job& job, std::string_view state_word, Instant now) const {
  return (queue.empty() || job.queue->name == queue) && (state.empty() || state_word == state) &&
         is_old_enough(*this, job.accepted_at, now) && (name.empty() || job_name(job.payload.view()) == name);
}

bool JobsQuery::fits(const ListedJob& listed, Instant now) const {
  const JobAccepted& job = listed.job.accepted;
  return is_old_enough(*this, job.accepted_at, now) && (name.empty() || job_name(job.payload.view()) == name);
}

StoreQuestion JobsQuery::question(size_t rows) const {
  StoreQuestion question;
  question.queue = Bytes(queue);
  question.behind = after.in_store ? after.at : 0;
  if (!state.empty()) question.due = state == "waiting";
  question.visits = visits();
  question.rows = static_cast<uint32_t>(name.empty() && older_than.us == 0 ? rows : limits::kListingRows);
  return question;
}

}  // namespace eventmq
