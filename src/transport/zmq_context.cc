#include "src/transport/zmq_context.h"

#include <zmq.h>

#include "src/base/assert.h"

namespace eventmq {

ZmqContext::ZmqContext(int io_threads) : handle_(zmq_ctx_new()) {
  EMQ_ASSERT(handle_ != nullptr, "zmq_ctx_new: {}", zmq_strerror(zmq_errno()));
  zmq_ctx_set(handle_, ZMQ_IO_THREADS, io_threads);
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(handle_) != 0 && zmq_errno() == EINTR) {
  }
}

}  // namespace eventmq
