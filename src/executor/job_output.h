// What a worker process prints, as lines for the log, bounded per job.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eventmq {

class JobOutput {
 public:
  explicit JobOutput(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Appends the complete lines to `lines`, made printable. A very long line comes in parts.
  void add(std::string_view text, std::vector<std::string>& lines);
  // For text that counts against the same bound but is a line of its own. False: it does not fit and was dropped.
  bool admit(std::string_view text);
  // The job has ended: what has no line break yet is a line too. Returns how many bytes were dropped, and begins anew.
  uint64_t finish(std::vector<std::string>& lines);

 private:
  void end_line(std::vector<std::string>& lines);

  size_t bytes_max_;
  size_t kept_ = 0;
  uint64_t dropped_ = 0;
  std::string line_;
};

// Control characters as '?', so that no program can forge lines of a log or command a terminal; tabs stay.
std::string without_control_characters(std::string_view text);

}  // namespace eventmq
