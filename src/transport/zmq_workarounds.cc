// System calls with which libzmq 4.3.4 would end the process, done in a way that it can bear.
//
// A function of the program goes before that of the C library, for the libraries of the program too. So what stands
// here is linked into programs that listen (target eventmq_zmq_workarounds), and is no part of libeventmq.
//
// accept4(): the library takes a failure on ipc:// for a fault of its own, and aborts, unless it is one that it knows
// (ipc_listener.cpp:325). Of those for which accept(2) has no room it knows ENFILE only. So whoever connects faster
// than the router closes connections would end it.
//
// epoll_ctl(), epoll_wait(): the library stops reading from a peer whose queue is full. If that connection then breaks,
// epoll tells it so, though it did not ask; it notes that the connection is broken, does nothing more, and at its next
// probe (ZMQ_HEARTBEAT_IVL) aborts because it is (stream_engine_base.cpp, in_event_internal() and out_event()). So a
// peer that sends much and leaves while nobody reads, as the second one with a routing id, would end the router. Here
// the break of a connection is told as what was asked for, since whoever reads or writes then learns of it; and if
// nothing was asked for, not at all: the library finds out when it goes on reading, or by its probe.
#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace {

// Whether a descriptor is watched for reading and writing, kept in two bits of the caller's data that neither a pointer
// nor the executor's number of a process has.
constexpr uint64_t kReads = uint64_t{1} << 63, kWrites = uint64_t{1} << 62;
constexpr uint32_t kBroken = EPOLLERR | EPOLLHUP;

void mark(epoll_event& event) {
  if ((event.events & EPOLLIN) != 0) event.data.u64 |= kReads;
  if ((event.events & EPOLLOUT) != 0) event.data.u64 |= kWrites;
  // Told once, and dropped below; else it would be told without pause.
  if ((event.events & (EPOLLIN | EPOLLOUT)) == 0) event.events |= EPOLLONESHOT;
}

void unmark(epoll_event& event) {
  const bool reads = (event.data.u64 & kReads) != 0, writes = (event.data.u64 & kWrites) != 0;
  event.data.u64 &= ~(kReads | kWrites);
  if ((event.events & kBroken) == 0) return;
  event.events &= ~kBroken;
  if (reads) event.events |= EPOLLIN;
  if (writes) event.events |= EPOLLOUT;
}

// What would be called if this were not here.
template <class Function>
Function* system_function(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int accept4(int listener, sockaddr* peer, socklen_t* peer_size, int flags) {
  static auto* const system = system_function<decltype(::accept4)>("accept4");
  const int accepted = system(listener, peer, peer_size, flags);
  if (accepted == -1 && (errno == EMFILE || errno == ENOMEM || errno == ENOBUFS)) errno = ENFILE;
  return accepted;
}

int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  static auto* const system = system_function<int(int, int, int, epoll_event*)>("epoll_ctl");
  if (event == nullptr) return system(epoll, operation, fd, event);
  epoll_event marked = *event;
  mark(marked);
  return system(epoll, operation, fd, &marked);
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  static auto* const system = system_function<decltype(::epoll_wait)>("epoll_wait");
  const int got = system(epoll, events, most, timeout);
  for (int i = 0; i < got; ++i) unmark(events[i]);
  return got;
}

}  // extern "C"
