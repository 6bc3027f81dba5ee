#include "src/executor/job_message.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "src/executor/json_text.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

constexpr size_t kNameBytes = 1024;  // of path and of callable

Result<std::string_view> run_arguments(std::string_view message) {
  if (json_kind(message) != JsonKind::kArray) {
    return fail(ErrorCode::kBadMessage, "the job message is not a list: it should be [\"run\", {...}]");
  }
  std::vector<std::string_view> elements;
  const bool few = for_each_element(message, [&](std::string_view value) {
    elements.push_back(value);
    return elements.size() <= 2;
  });
  if (!few || elements.size() != 2) {
    return fail(ErrorCode::kBadMessage, "the job message does not have two elements: it should be [\"run\", {...}]");
  }
  if (json_kind(elements[0]) != JsonKind::kString || json_string_value(elements[0]) != "run") {
    return fail(ErrorCode::kBadMessage, "the first element of the job message is not \"run\"");
  }
  if (json_kind(elements[1]) != JsonKind::kObject) {
    return fail(ErrorCode::kBadMessage, "the second element of the job message is not an object");
  }
  return elements[1];
}

// One member that we know: what kind it must have, and where it goes.
struct Member {
  std::string_view key;
  JsonKind kind;
  std::string* text;
  std::string_view* slice;
  bool seen = false;
};

std::string_view kind_text(JsonKind kind) {
  if (kind == JsonKind::kArray) return "a list";
  return kind == JsonKind::kObject ? "an object" : "a string";
}

Result<void> take(Member& member, std::string_view value) {
  if (member.seen) return fail(ErrorCode::kBadMessage, fmt::format("the job message gives \"{}\" twice", member.key));
  member.seen = true;
  if (member.text == nullptr && json_kind(value) == JsonKind::kNull) return {};  // as if it were missing
  if (json_kind(value) != member.kind) {
    return fail(ErrorCode::kBadMessage,
                fmt::format("\"{}\" in the job message is not {}", member.key, kind_text(member.kind)));
  }
  if (member.slice != nullptr) {
    *member.slice = value;
    return {};
  }
  if (value.size() > kNameBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("\"{}\" in the job message is longer than {} bytes", member.key, kNameBytes));
  }
  *member.text = json_string_value(value);
  return {};
}

Result<void> take_members(std::string_view object, std::vector<Member>& members) {
  Result<void> result;
  for_each_member(object, [&](std::string_view key, std::string_view value) {
    for (Member& member : members) {
      if (member.key == key) result = take(member, value);
    }
    return result.has_value();
  });
  return result;
}

}  // namespace

Result<JobCall> parse_job_message(std::string_view message) {
  if (message.size() > limits::kFrameBytesDefault) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("the job message has {} bytes; a job manager runs none of more than {}", message.size(),
                            limits::kFrameBytesDefault));
  }
  if (auto checked = check_json(message, limits::kJsonDepth); !checked) {
    return fail(ErrorCode::kBadMessage, "the job message is " + checked.error().text);
  }
  const Result<std::string_view> arguments = run_arguments(message);
  if (!arguments) return tl::unexpected(arguments.error());

  JobCall call;
  std::vector<Member> members = {
      {"path", JsonKind::kString, &call.path, nullptr},
      {"callable", JsonKind::kString, &call.callable, nullptr},
      {"args", JsonKind::kArray, nullptr, &call.args},
      {"kwargs", JsonKind::kObject, nullptr, &call.kwargs},
      {"class_args", JsonKind::kArray, nullptr, &call.class_args},
      {"class_kwargs", JsonKind::kObject, nullptr, &call.class_kwargs},
  };
  if (auto taken = take_members(*arguments, members); !taken) return tl::unexpected(taken.error());
  if (call.callable.empty()) return fail(ErrorCode::kBadMessage, "the job message has no \"callable\"");
  call.name = call.path.empty() ? call.callable : call.path + "." + call.callable;
  return call;
}

}  // namespace eventmq
