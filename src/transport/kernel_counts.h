// What the kernel tells about a connection and about this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "src/base/file_descriptor.h"

namespace eventmq::kernel_counts {

// A number that no other socket has had since the machine started; 0 if `fd` is none. Tells whether a descriptor that
// another thread may close and reuse is still the one that it was.
uint64_t cookie(int fd);
// How many bytes this process has read from a TCP connection. Bytes that arrive while we look make it inexact.
struct BytesRead {
  uint64_t least, most;
  uint32_t segments;  // with data, that arrived
};
// None if it is not that connection any more.
std::optional<BytesRead> bytes_read(int fd, uint64_t cookie);
// "127.0.0.1:4711", or "process 4711 of user 1000" of an ipc:// connection; empty if nobody is there any more.
std::string peer_address(int fd);

// A second descriptor of a connection, which stays when another thread closes the first.
class OwnDescriptor {
 public:
  OwnDescriptor() = default;  // of none
  // Of none if `fd` is not that connection any more, or the process may open no more files.
  OwnDescriptor(int fd, uint64_t cookie);
  bool is_open() const { return fd_.is_open(); }
  // The connection has ended, and not because somebody here closed a descriptor.
  bool peer_has_left() const;
  // Something has arrived that this process has not read.
  bool has_unread() const;

 private:
  FileDescriptor fd_;
};

// A descriptor that is kept for ending connections, so that this can be done when the process may have no other one.
class SpareDescriptor {
 public:
  SpareDescriptor();
  // Ends a connection at once without closing its descriptor; what had arrived on TCP and was not read is thrown away.
  // Never touches another one.
  bool reset(int fd, uint64_t cookie) const;
  // Whether the process may open another file.
  bool others_left() const;

 private:
  FileDescriptor nothing_, spare_;
};

// The memory of this process that is in use. Costs a microsecond.
class ResidentMemory {
 public:
  ResidentMemory();
  // 0 if the system does not tell.
  uint64_t bytes() const;

 private:
  FileDescriptor fd_;
};

// Gives memory that was freed back to the system, which the allocator else keeps for later.
void return_freed_memory();

}  // namespace eventmq::kernel_counts
