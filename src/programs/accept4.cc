// accept4() for a library that would end the process when it may open no more files.
//
// libzmq 4.3.4 takes a failure of accept4() on ipc:// for a fault of its own, and aborts, unless it is one that it
// knows (ipc_listener.cpp:325). It knows ENFILE and not the others for which accept(2) has no room either. So whoever
// connects faster than the router closes connections would end it. A function of the program goes before that of the C
// library.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

extern "C" int accept4(int listener, sockaddr* peer, socklen_t* peer_size, int flags) {
  const long accepted = ::syscall(SYS_accept4, listener, peer, peer_size, flags);
  if (accepted == -1 && (errno == EMFILE || errno == ENOMEM || errno == ENOBUFS)) errno = ENFILE;
  return static_cast<int>(accepted);
}
