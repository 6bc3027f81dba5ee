// The one ZeroMQ context of a process: its I/O threads, shared by all sockets.
//
// Every socket must be destroyed before its context; the destructor then waits for what the sockets' lingering
// time still allows to be sent. Thread-safe.
#pragma once

namespace eventmq {

class ZmqContext {
 public:
  // One I/O thread moves about a gigabyte a second. Throws std::system_error when no descriptor is left.
  explicit ZmqContext(int io_threads = 1);
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;

  // The library's own handle, for the sockets of this folder.
  void* handle() const { return handle_; }

 private:
  void* handle_;
};

}  // namespace eventmq
