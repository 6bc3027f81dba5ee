// The least that can stand between one client and one worker: two ROUTER sockets, and every message that comes
// in on one goes out on the other, its frames untouched. What a broker is measured against.
#pragma once

#include <memory>
#include <string>

#include "src/base/result.h"
#include "src/transport/zmq_context.h"

namespace eventmq {

class Forwarder {
 public:
  // The routing ids of the two peers. A message for one that is not connected is dropped.
  Forwarder(ZmqContext& context, std::string client, std::string worker);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // Listens on two ports of 127.0.0.1 that the system chooses. Errors: kSystem.
  Result<void> open();
  const std::string& frontend() const;
  const std::string& backend() const;
  // Forwards until stop() is called.
  void run();
  // From any thread.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
