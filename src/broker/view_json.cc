#include "src/broker/view_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/broker/core.h"
#include "src/broker/job_history.h"

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string view_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json history_json(std::string_view history, Instant now) {
  Json rows = Json::array();
  for (const AttemptEnd& attempt : read_history(history)) {
    rows.push_back({{"attempt", attempt.attempt},
                    {"outcome", outcome_word(attempt.outcome)},
                    {"ended_seconds_ago", (now - attempt.ended_at).seconds()},
                    {"took_seconds", (attempt.ended_at - attempt.started_at).seconds()},
                    {"worker", attempt.worker},
                    {"error", attempt.error}});
  }
  return rows;
}

// Of a result that is kept, its size tells that it can be asked for (view `result`).
Json ended_json(const EndedJob& ended, Instant now) {
  const std::string error = error_text(ended.result.view());
  const bool kept = ended.kept_until > now;
  std::string explain = fmt::format("It ended {:.1f} s ago: {}{}.", (now - ended.ended_at).seconds(),
                                    outcome_word(ended.outcome), ended.result.empty() ? "" : ", " + error);
  if (kept) explain += fmt::format(" Its result is kept for {:.1f} s.", (ended.kept_until - now).seconds());
  Json row = {{"id", ended.id.str()},
              {"queue", ended.queue.str()},
              {"state", "ended"},
              {"outcome", outcome_word(ended.outcome)},
              {"attempts", ended.attempts},
              {"ended_seconds_ago", (now - ended.ended_at).seconds()},
              {"took_seconds", (ended.ended_at - ended.accepted_at).seconds()},
              {"error", error},
              {"ended_at", ended.ended_at.us / 1e6},
              {"explain", explain}};
  if (kept) row["kept_until"] = ended.kept_until.us / 1e6;
  if (kept) row["value_bytes"] = ended.value_bytes;
  row["history"] = history_json(ended.history.view(), now);
  return row;
}

Json ended_json(const FoundResult& result, Instant now) {
  const ResultKept& kept = result.kept;
  const bool failed = kept.outcome != Outcome::kOk;
  Json row = ended_json(EndedJob{kept.id, kept.queue, kept.outcome, kept.attempts, kept.accepted_at, kept.ended_at,
                                 failed ? Bytes(kept.value.view().substr(0, limits::kEndedResultBytes)) : Bytes(),
                                 kept.history, kept.until, result.value_bytes},
                        now);
  row["name"] = kept.name.str();
  return row;
}

}  // namespace eventmq
