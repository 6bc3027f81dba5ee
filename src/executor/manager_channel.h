// The worker process's end of its conversation with the job manager: blocking lines over descriptor 3.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace eventmq {

// All members may be called from several threads.
class ManagerChannel {
 public:
  explicit ManagerChannel(int descriptor);

  // Waits for a line. False: the job manager is gone or has closed the channel.
  bool read_line(std::string& line);
  // A line that is already there; never waits.
  bool poll_line(std::string& line);
  // Writes a line and its line break, waiting as long as it takes. A job manager that is gone is noticed by
  // read_line().
  void write_line(std::string_view line);

 private:
  bool take_line(std::string& line);
  bool receive(int flags);
  bool write_all(std::string_view text);

  const int descriptor_;
  std::mutex read_mutex_;
  std::mutex write_mutex_;
  std::string incoming_;
  size_t scanned_ = 0;  // no line break before here
};

}  // namespace eventmq
