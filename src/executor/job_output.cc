#include "src/executor/job_output.h"

#include <algorithm>
#include <utility>

namespace eventmq {
namespace {

constexpr size_t kLineBytes = 4096;  // a longer line is logged in parts

}  // namespace

void JobOutput::add(std::string_view text, std::vector<std::string>& lines) {
  const size_t fits = std::min(text.size(), bytes_max_ - kept_);
  kept_ += fits;
  dropped_ += text.size() - fits;
  for (const char c : text.substr(0, fits)) {
    if (c != '\n') line_ += c;
    if (c == '\n' || line_.size() == kLineBytes) end_line(lines);
  }
}

bool JobOutput::admit(std::string_view text) {
  if (text.size() > bytes_max_ - kept_) {
    dropped_ += text.size();
    return false;
  }
  kept_ += text.size();
  return true;
}

uint64_t JobOutput::finish(std::vector<std::string>& lines) {
  if (!line_.empty()) end_line(lines);
  kept_ = 0;
  return std::exchange(dropped_, 0);
}

void JobOutput::end_line(std::vector<std::string>& lines) {
  lines.push_back(without_control_characters(line_));
  line_.clear();
}

std::string without_control_characters(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(),
      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }, '?');
  return result;
}

}  // namespace eventmq
