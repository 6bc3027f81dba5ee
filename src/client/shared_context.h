// The ZeroMQ context that all clients of a process share.
#pragma once

#include <memory>

#include "src/transport/zmq_context.h"

namespace eventmq {

// Made when the first client needs it, gone with the last. A child process made by fork() gets one of its own; its
// parent's is left alone there. Thread-safe.
std::shared_ptr<ZmqContext> shared_context();

}  // namespace eventmq
