// A listening socket of the system: TCP or a path. Accepts without blocking.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "src/base/file_descriptor.h"
#include "src/base/result.h"

namespace eventmq {

class Listener {
 public:
  Listener() = default;  // listens nowhere
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) noexcept = default;
  // Takes its path away, if that is still its own.
  ~Listener() { close(); }

  // Errors: kBadValue (the address is malformed), kSystem (it is in use, not of this machine, not permitted); the text
  // says which and quotes the address.
  static Result<Listener> open(const std::string& address);

  bool is_open() const { return fd_.is_open(); }
  int fd() const { return fd_.get(); }
  // With the port that the system chose.
  const std::string& endpoint() const { return endpoint_; }
  // The next connection; not open, and errno says why, if there is none.
  FileDescriptor accept() const;
  // There is one. When there are no more files accept() says that first, whether somebody waits or not.
  bool somebody_waits() const;
  void close();

 private:
  static Result<Listener> at_port(const std::string& address, std::string_view place);
  static Result<Listener> at_path(const std::string& address);

  FileDescriptor fd_;
  std::string endpoint_;
  std::string path_;  // of a socket that has one
  dev_t device_ = 0;  // its file, which may be another's by now
  ino_t inode_ = 0;
};

// "127.0.0.1:4711", or "process 4711 of user 1000" of an ipc:// connection; empty if nobody is there any more.
std::string peer_address(int fd);

}  // namespace eventmq
