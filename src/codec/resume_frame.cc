#include "src/codec/resume_frame.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/wire/limits.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

using Fault = std::optional<Error>;

Fault bad(std::string text) { return Error{ErrorCode::kBadMessage, std::move(text)}; }

Fault parse_held_job(const Bytes& whole, std::string_view item, HeldJob& job) {
  const size_t colon = item.find(':');
  if (colon == std::string_view::npos) return bad(fmt::format("has {}, which is not attempt:id", in_quotes(item)));
  if (parse_number(item.substr(0, colon), UINT32_MAX, job.attempt) != NumberFault::kNone || job.attempt == 0) {
    return bad(fmt::format("has {}, whose attempt is no whole number from 1", in_quotes(item)));
  }
  const std::string_view id = item.substr(colon + 1);
  if (Fault fault = id_fault(id)) {
    fault->text = fmt::format("has {}, whose id {}", in_quotes(item), fault->text);
    return fault;
  }
  job.request_id = slice(whole, id);
  return std::nullopt;
}

// Nothing when no job is held twice.
Fault repeated_job(const std::vector<HeldJob>& held) {
  std::vector<std::string_view> ids;
  ids.reserve(held.size());
  for (const HeldJob& job : held) ids.push_back(job.request_id.view());
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice == ids.end()) return std::nullopt;
  return bad(fmt::format("names job {} twice", in_quotes(*twice)));
}

}  // namespace

std::optional<Error> parse_resume(const Bytes& text, Inform& inform) {
  if (text.size() > limits::kInformBytes) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("has {} bytes; at most {} are taken", text.size(), limits::kInformBytes)};
  }
  if (!is_utf8(text.view())) return bad("is not UTF-8");
  CommaList list(text.view());
  std::string_view item;
  if (!list.next(item) || item.empty()) return bad("does not begin with a routing id");
  if (item.size() > limits::kRoutingIdBytes) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("has a routing id of {} bytes; one has at most {}", item.size(), limits::kRoutingIdBytes)};
  }
  inform.previous_id = slice(text, item);
  while (list.next(item)) {
    if (inform.held.size() == limits::kResumedJobsPerInform) {
      return Error{ErrorCode::kTooLarge, fmt::format("names more than {} jobs", limits::kResumedJobsPerInform)};
    }
    HeldJob job;
    if (Fault fault = parse_held_job(text, item, job)) return fault;
    inform.held.push_back(std::move(job));
  }
  return repeated_job(inform.held);
}

std::string resume_text(const Inform& inform) {
  std::string text = inform.previous_id.str();
  for (const HeldJob& job : inform.held) {
    fmt::format_to(std::back_inserter(text), ",{}:{}", job.attempt, job.request_id.view());
  }
  return text;
}

}  // namespace eventmq
