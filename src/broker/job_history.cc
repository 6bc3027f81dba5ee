#include "src/broker/job_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "src/wire/limits.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

constexpr size_t kLongestParsed = 64 * 1024;

// Of one line, without tabs.
std::string plain(std::string_view text, size_t size_max) {
  std::string line(utf8_prefix(repaired_utf8(text.substr(0, 4 * size_max)), size_max));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return line;
}

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(mark), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool read(std::string_view text, auto& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size();
}

}  // namespace

Bytes with_attempt(const Bytes& history, const AttemptEnd& end) {
  std::vector<std::string_view> lines = split(history.view(), '\n');
  const std::string number = fmt::format("{}\t", end.attempt);
  std::erase_if(lines, [&](std::string_view line) { return line.starts_with(number); });
  std::string text;
  for (size_t i = lines.size() - std::min(lines.size(), limits::kAttemptsInHistory - 1); i < lines.size(); ++i) {
    text += fmt::format("{}\n", lines[i]);
  }
  text += fmt::format("{}{}\t{}\t{}\t{}\t{}\n", number, end.started_at.us, end.ended_at.us, outcome_word(end.outcome),
                      plain(end.worker, limits::kRoutingIdBytes), plain(end.error, limits::kErrorBytesInHistory));
  return Bytes(text);
}

std::vector<AttemptEnd> read_history(std::string_view history) {
  std::vector<AttemptEnd> attempts;
  for (const std::string_view line : split(history, '\n')) {
    std::vector<std::string_view> parts = split(line, '\t');
    if (parts.size() < 4) continue;
    parts.resize(6);
    AttemptEnd end;
    if (!read(parts[0], end.attempt) || !read(parts[1], end.started_at.us) || !read(parts[2], end.ended_at.us))
      continue;
    if (!outcome_from_word(parts[3], end.outcome)) continue;
    end.worker = parts[4];
    end.error = parts[5];
    attempts.push_back(std::move(end));
  }
  return attempts;
}

std::string error_text(std::string_view payload) {
  if (payload.size() > kLongestParsed) return std::string(payload);
  const nlohmann::json parsed = nlohmann::json::parse(payload, nullptr, false);
  const nlohmann::json* error = parsed.is_object() && parsed.contains("error") ? &parsed["error"] : nullptr;
  if (error && error->is_object() && error->contains("message") && (*error)["message"].is_string()) {
    return (*error)["message"].get<std::string>();
  }
  return std::string(payload);
}

}  // namespace eventmq
