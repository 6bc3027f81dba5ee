#include "src/client/job_end.h"

#include <fmt/format.h>

#include <utility>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

ErrorCode code_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kTimeout:
      return ErrorCode::kTimedOut;
    case Outcome::kLost:
      return ErrorCode::kJobLost;
    case Outcome::kUnknownJob:
      return ErrorCode::kUnknownJob;
    default:
      return ErrorCode::kJobFailed;
  }
}

// Nothing if the text is no JSON object or nested too deeply.
std::optional<Json> parsed_object(std::string_view text) {
  bool too_deep = false;
  const auto limit_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > static_cast<int>(limits::kJsonDepth);
    return !too_deep;
  };
  Json json = Json::parse(text, limit_depth, /*allow_exceptions=*/false);
  if (too_deep || json.is_discarded() || !json.is_object()) return std::nullopt;
  return json;
}

std::string text_of(const Json& json) { return json.is_string() ? json.get<std::string>() : json.dump(); }

std::string member_text(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member == object.end() || member->is_null() ? std::string() : text_of(*member);
}

JobFailure failure_of(Outcome outcome, const Json& payload) {
  JobFailure failure;
  failure.outcome = outcome_word(outcome);
  const auto error = payload.find("error");
  if (error != payload.end() && error->is_object()) {
    failure.type = member_text(*error, "type");
    failure.message = member_text(*error, "message");
    if (const auto details = error->find("details"); details != error->end()) failure.details = *details;
  }
  if (failure.message.empty()) failure.message = member_text(payload, "value");
  return failure;
}

std::string sentence(const JobFailure& failure) {
  std::string text = "the job ended as " + failure.outcome;
  if (!failure.type.empty() && failure.type != failure.outcome) text += ": " + failure.type;
  if (!failure.message.empty()) text += ": " + failure.message;
  return text;
}

}  // namespace

Result<Json> job_value(const JobEnd& end, std::optional<JobFailure>& failure) {
  const std::optional<Json> payload = parsed_object(end.payload.view());
  if (end.outcome != Outcome::kOk) {
    failure = failure_of(end.outcome, payload.value_or(Json::object()));
    return fail(code_of(end.outcome), sentence(*failure));
  }
  if (!payload || !payload->contains("value")) {
    return fail(ErrorCode::kBadMessage, "the job ended, but its worker's reply is not {\"value\": ...}");
  }
  return payload->at("value");
}

Result<JobStatus> job_status(const JobEnd& answer) {
  JobStatus result{.state = JobStatus::State::kEnded};
  if (answer.has_outcome) {
    Result<Json> value = job_value(answer, result.failure);
    if (value) result.value = std::move(*value);
    if (!value && !result.failure) return tl::unexpected<Error>(std::move(value.error()));
    return result;
  }
  const std::optional<Json> state = parsed_object(answer.payload.view());
  const std::string word = state ? member_text(*state, "state") : "";
  for (const auto& [known, meaning] :
       {std::pair("delayed", JobStatus::State::kDelayed), std::pair("waiting", JobStatus::State::kWaiting),
        std::pair("running", JobStatus::State::kRunning)}) {
    if (word == known) return JobStatus{.state = meaning};
  }
  return fail(ErrorCode::kBadMessage, "the broker's answer is neither a result nor a job's state");
}

}  // namespace eventmq
