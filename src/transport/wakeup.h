// Wakes a loop from another thread: the loop watches fd(), others call notify().
#pragma once

namespace eventmq {

class Wakeup {
 public:
  // Throws std::system_error when no descriptor is left: a client is made in a program that may go on without it.
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Makes fd() readable. Thread-safe and safe in a signal handler. Many calls before clear() count as one.
  void notify() const;
  // Makes fd() unreadable until the next notify(). Call it before looking at what the notifier left behind.
  void clear() const;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace eventmq
