#include "testing/transcript_file.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "src/wire/text.h"
#include "testing/frames_text.h"

namespace eventmq::testing {
namespace {

constexpr Duration kTranscriptMax = seconds(86'400);
constexpr std::string_view kFromPeer = "peer> ";
constexpr std::string_view kToPeer = "peer< ";

std::optional<TranscriptLine> parse_line(std::string_view text, int number) {
  text = trimmed(text);
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  TranscriptLine line;
  line.number = number;
  if (parse_seconds(text.substr(0, blank), kTranscriptMax, line.at) != NumberFault::kNone) return std::nullopt;
  text = trimmed(text.substr(blank));
  line.from_peer = text.starts_with(kFromPeer);
  if (!line.from_peer && !text.starts_with(kToPeer)) return std::nullopt;
  text.remove_prefix(kFromPeer.size());
  line.text = text;
  line.frames = frames_from_text(text);
  return line;
}

// Removes the first line from `text` and returns it without its end.
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

Result<std::vector<Conversation>> parse_transcript(std::string_view text) {
  std::vector<Conversation> conversations;
  std::string title;
  bool begins = true;  // the next message begins a conversation
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (trimmed(line).empty()) continue;
    if (line.front() == '#') {
      title = trimmed(line.substr(1));
      begins = true;
      continue;
    }
    std::optional<TranscriptLine> parsed = parse_line(line, number);
    if (!parsed) return fail(ErrorCode::kBadValue, fmt::format("line {} is no message: {}", number, in_quotes(line)));
    if (begins) conversations.push_back(Conversation{title, {}});
    begins = false;
    conversations.back().lines.push_back(std::move(*parsed));
  }
  return conversations;
}

Result<std::vector<Conversation>> read_transcript_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(ErrorCode::kSystem, fmt::format("cannot read {}", path));
  return parse_transcript(text.str());
}

}  // namespace eventmq::testing
