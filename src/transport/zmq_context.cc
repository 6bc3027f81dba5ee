#include "src/transport/zmq_context.h"

#include <zmq.h>

#include <system_error>

namespace eventmq {

ZmqContext::ZmqContext(int io_threads) : handle_(zmq_ctx_new()) {
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
