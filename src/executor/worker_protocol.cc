#include "src/executor/worker_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "src/executor/json_text.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

// The members of one line by key, as slices of it.
class Line {
 public:
  static Result<Line> read(std::string_view text) {
    if (auto checked = check_json(text, limits::kJsonDepth); !checked) return tl::unexpected(checked.error());
    if (json_kind(text) != JsonKind::kObject) return fail(ErrorCode::kBadMessage, "not an object");
    Line line;
    const bool few = for_each_member(text, [&](std::string_view key, std::string_view value) {
      line.members_[std::string(key)] = value;
      return line.members_.size() <= kMembers;
    });
    if (!few) return fail(ErrorCode::kBadMessage, "it has too many members");
    return line;
  }

  // The member's JSON text; nothing if it is missing.
  std::optional<std::string_view> find(const std::string& key) const {
    const auto found = members_.find(key);
    if (found == members_.end()) return std::nullopt;
    return found->second;
  }

  Result<std::string> string(const std::string& key) const {
    const auto value = find(key);
    if (!value) return fail(ErrorCode::kBadMessage, fmt::format("it has no \"{}\"", key));
    if (json_kind(*value) != JsonKind::kString)
      return fail(ErrorCode::kBadMessage, fmt::format("\"{}\" is not a string", key));
    return json_string_value(*value);
  }

  std::string string_or_empty(const std::string& key) const { return string(key).value_or(""); }

  std::optional<double> number(const std::string& key) const {
    const auto value = find(key);
    if (!value || json_kind(*value) != JsonKind::kNumber) return std::nullopt;
    return json_number_value(*value);
  }

 private:
  static constexpr size_t kMembers = 64;
  std::map<std::string, std::string_view> members_;
};

Result<WorkerMessage> read_ready(const Line& line) {
  const std::optional<double> protocol = line.number("protocol");
  if (!protocol) return fail(ErrorCode::kBadMessage, "ready has no \"protocol\" number");
  WorkerReady ready;
  ready.protocol = static_cast<int>(std::clamp(*protocol, 0.0, 1e6));
  const auto names = line.find("names");
  if (!names || json_kind(*names) == JsonKind::kNull) return ready;
  if (json_kind(*names) != JsonKind::kArray) return fail(ErrorCode::kBadMessage, "\"names\" is not a list");
  ready.names.emplace();
  const bool strings = for_each_element(*names, [&](std::string_view name) {
    if (json_kind(name) != JsonKind::kString) return false;
    ready.names->push_back(json_string_value(name));
    return true;
  });
  if (!strings) return fail(ErrorCode::kBadMessage, "\"names\" holds something that is not a string");
  return ready;
}

// {"value": "<message>", "error": {…}} from the error that the worker told.
Result<std::string> failure_of(const Line& line) {
  const auto error = line.find("error");
  if (!error || json_kind(*error) != JsonKind::kObject) {
    return fail(ErrorCode::kBadMessage, "a result without success has no \"error\" object");
  }
  std::optional<std::string_view> type;
  std::optional<std::string_view> message;
  std::string_view details = "null";
  for_each_member(*error, [&](std::string_view key, std::string_view value) {
    if (key == "type") type = value;
    if (key == "message") message = value;
    if (key == "details") details = value;
    return true;
  });
  if (!type || !message || json_kind(*type) != JsonKind::kString || json_kind(*message) != JsonKind::kString) {
    return fail(ErrorCode::kBadMessage, "the \"error\" of a result has no \"type\" or no \"message\" string");
  }
  return fmt::format(R"({{"value":{},"error":{{"type":{},"message":{},"details":{}}}}})", *message, *type, *message,
                     details);
}

Result<WorkerMessage> read_result(const Line& line) {
  auto id = line.string("id");
  if (!id) return tl::unexpected(id.error());
  auto word = line.string("outcome");
  if (!word) return tl::unexpected(word.error());
  Outcome outcome = Outcome::kError;
  const bool known = outcome_from_word(*word, outcome);
  if (known && outcome == Outcome::kOk) {
    const auto value = line.find("value");
    if (!value) return fail(ErrorCode::kBadMessage, "a result with success has no \"value\"");
    return WorkerResult{std::move(*id), outcome, fmt::format("{{\"value\":{}}}", *value)};
  }
  if (!known || (outcome != Outcome::kError && outcome != Outcome::kUnknownJob && outcome != Outcome::kCancelled)) {
    return fail(ErrorCode::kBadMessage, "the \"outcome\" of a result is none of ok, error, unknown-job and cancelled");
  }
  auto payload = failure_of(line);
  if (!payload) return tl::unexpected(payload.error());
  return WorkerResult{std::move(*id), outcome, std::move(*payload)};
}

Result<WorkerMessage> read_progress(const Line& line) {
  auto id = line.string("id");
  if (!id) return tl::unexpected(id.error());
  const std::optional<double> fraction = line.number("fraction");
  if (!fraction) return fail(ErrorCode::kBadMessage, "progress has no \"fraction\" number");
  return WorkerProgress{std::move(*id), std::clamp(*fraction, 0.0, 1.0), line.string_or_empty("text")};
}

Result<WorkerMessage> read_log(const Line& line) {
  auto text = line.string("text");
  if (!text) return tl::unexpected(text.error());
  const std::string level = line.string_or_empty("level");
  return WorkerLog{level == "warning" || level == "error", std::move(*text)};
}

}  // namespace

std::string hello_line(const WorkerHooks& hooks) {
  return fmt::format(R"({{"type":"hello","protocol":{},"setup":{},"entry":{},"exit":{}}})"
                     "\n",
                     kWorkerProtocolVersion, json_quoted(hooks.setup), json_quoted(hooks.entry),
                     json_quoted(hooks.exit));
}

std::string job_line(std::string_view id, uint32_t attempt, std::string_view queue, const JobCall& call,
                     std::optional<Duration> timeout) {
  std::string line = fmt::format(R"({{"type":"job","id":{},"attempt":{},"queue":{},"name":{},"path":{},"callable":{})",
                                 json_quoted(id), attempt, json_quoted(queue), json_quoted(call.name),
                                 json_quoted(call.path), json_quoted(call.callable));
  if (timeout) line += fmt::format(R"(,"timeout":{})", timeout->seconds());
  const auto append = [&line](std::string_view key, std::string_view value) {
    line += key;
    append_on_one_line(line, value);
  };
  append(R"(,"args":)", call.args);
  append(R"(,"kwargs":)", call.kwargs);
  append(R"(,"class_args":)", call.class_args);
  append(R"(,"class_kwargs":)", call.class_kwargs);
  return line += "}\n";
}

std::string cancel_line(std::string_view id) {
  return fmt::format(R"({{"type":"cancel","id":{}}})"
                     "\n",
                     json_quoted(id));
}

std::string stop_line() { return "{\"type\":\"stop\"}\n"; }

Result<WorkerMessage> parse_worker_line(std::string_view text) {
  const Result<Line> line = Line::read(text);
  if (!line) return tl::unexpected(line.error());
  const Result<std::string> type = line->string("type");
  if (!type) return tl::unexpected(type.error());
  if (*type == "result") return read_result(*line);
  if (*type == "progress") return read_progress(*line);
  if (*type == "log") return read_log(*line);
  if (*type == "ready") return read_ready(*line);
  if (*type == "failed") return WorkerFailed{line->string_or_empty("message"), line->find("final") == "true"};
  return fail(ErrorCode::kBadMessage, "its \"type\" is none of ready, result, progress, log and failed");
}

std::string failure_payload(std::string_view type, std::string_view message, std::string_view details) {
  const std::string quoted = json_quoted(message);
  return fmt::format(R"({{"value":{},"error":{{"type":{},"message":{},"details":{}}}}})", quoted, json_quoted(type),
                     quoted, details);
}

}  // namespace eventmq
