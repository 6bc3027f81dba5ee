#include "src/codec/frame_reader.h"

#include <fmt/format.h>

#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {

[[gnu::cold]] bool FrameReader::refuse(size_t index, std::string_view name, ErrorCode code, std::string_view sentence) {
  error_ = Error{code, fmt::format("frame {} ({}) {}", index, name, sentence)};
  return false;
}

bool FrameReader::present(size_t index, std::string_view name) {
  return has(index) || refuse(index, name, ErrorCode::kBadMessage, "is missing");
}

bool FrameReader::payload(size_t index, std::string_view name, Bytes& out) {
  if (!present(index, name)) return false;
  out = frames_[index];
  return true;
}

bool FrameReader::text(size_t index, std::string_view name, size_t size_max, Bytes& out) {
  if (!present(index, name)) return false;
  const Bytes& frame = frames_[index];
  if (frame.size() > size_max) {
    return refuse(index, name, ErrorCode::kTooLarge,
                  fmt::format("has {} bytes; at most {} are taken", frame.size(), size_max));
  }
  if (!is_utf8(frame.view())) return refuse(index, name, ErrorCode::kBadMessage, "is not UTF-8");
  out = frame;
  return true;
}

bool FrameReader::cut_text(size_t index, std::string_view name, size_t size_max, Bytes& out) {
  if (!present(index, name)) return false;
  const Bytes& frame = frames_[index];
  if (!is_utf8(frame.view())) return refuse(index, name, ErrorCode::kBadMessage, "is not UTF-8");
  out = slice(frame, utf8_prefix(frame.view(), size_max));
  return true;
}

bool FrameReader::id(size_t index, std::string_view name, Bytes& out, size_t size_max) {
  if (!present(index, name)) return false;
  const Bytes& frame = frames_[index];
  if (!is_id(frame.view(), size_max)) {
    const Error fault = *id_fault(frame.view(), size_max);
    return refuse(index, name, fault.code, fault.text);
  }
  out = frame;
  return true;
}

bool FrameReader::ids(size_t index, std::string_view name, Bytes& out) {
  if (!present(index, name)) return false;
  std::string_view rest = frames_[index].view();
  size_t comma = 0;
  do {
    comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    if (!is_id(part)) {
      const Error fault = *id_fault(part);
      return refuse(index, name, fault.code, fault.text);
    }
    if (comma != std::string_view::npos) rest.remove_prefix(comma + 1);
  } while (comma != std::string_view::npos);
  out = frames_[index];
  return true;
}

bool FrameReader::queue(size_t index, Bytes& out) {
  constexpr std::string_view kName = "queue";
  if (!present(index, kName)) return false;
  const Bytes& frame = frames_[index];
  if (!frame.empty()) {
    if (const std::optional<Error> fault = queue_name_fault(frame.view())) {
      return refuse(index, kName, fault->code, fault->text);
    }
  }
  out = frame;
  return true;
}

bool FrameReader::headers(size_t index, JobHeaders& out) {
  constexpr std::string_view kName = "headers";
  if (!present(index, kName)) return false;
  if (frames_[index].empty()) return true;
  Result<JobHeaders> headers = parse_headers(frames_[index]);
  if (!headers) return refuse(index, kName, headers.error().code, "is refused: " + headers.error().text);
  out = std::move(*headers);
  return true;
}

bool FrameReader::attempt(size_t index, uint32_t& out) {
  constexpr std::string_view kName = "attempt";
  if (!present(index, kName)) return false;
  if (parse_number(frames_[index].view(), UINT32_MAX, out) != NumberFault::kNone || out == 0) {
    return refuse(index, kName, ErrorCode::kBadMessage,
                  fmt::format("is a whole number from 1, not {}", in_quotes(frames_[index].view())));
  }
  return true;
}

bool FrameReader::outcome(size_t index, Outcome& out) {
  constexpr std::string_view kName = "outcome";
  if (!present(index, kName)) return false;
  if (outcome_from_word(frames_[index].view(), out)) return true;
  return refuse(index, kName, ErrorCode::kBadMessage,
                fmt::format("is not an outcome that this version knows: {}", in_quotes(frames_[index].view())));
}

}  // namespace eventmq
