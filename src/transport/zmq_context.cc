#include "src/transport/zmq_context.h"

#include <zmq.h>

#include <atomic>
#include <system_error>

namespace eventmq {
namespace {

// With the last context of a process the library winds up what all of them share (in Debian 12, libpgm's locks), and
// does not guard that against a thread that makes the next one. So one stays, which has no threads of its own.
void* new_context() {
  static std::atomic<void*> first = nullptr;  // a lock might be held in the child of a fork()
  if (first == nullptr) {
    void* const made = zmq_ctx_new();
    void* none = nullptr;
    if (made == nullptr) return nullptr;
    if (!first.compare_exchange_strong(none, made)) zmq_ctx_term(made);
  }
  return zmq_ctx_new();
}

}  // namespace

ZmqContext::ZmqContext(int io_threads) : handle_(new_context()) {
  if (handle_ == nullptr) throw std::system_error(zmq_errno(), std::generic_category(), "zmq_ctx_new");
  zmq_ctx_set(handle_, ZMQ_IO_THREADS, io_threads);
  // The library's default of 1023 is that of 341 clients in one process: the next would not reach any broker.
  zmq_ctx_set(handle_, ZMQ_MAX_SOCKETS, zmq_ctx_get(handle_, ZMQ_SOCKET_LIMIT));
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(handle_) != 0 && zmq_errno() == EINTR) {
  }
}

}  // namespace eventmq
