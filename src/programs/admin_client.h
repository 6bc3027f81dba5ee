// Asks a router's administrative socket, one question at a time.
//
//   AdminClient admin("tcp://127.0.0.1:47293", seconds(5));
//   Result<std::string> json = admin.query("queues");
//
// Errors of every question: kUnreachable (nobody listens there), kTimedOut (no answer), kBadValue (malformed address),
// kBadMessage (what answers is no router's administrative socket), and what the router refused with. Not thread-safe.
// Blocks until the answer or the timeout.
#pragma once

#include <memory>
#include <string>

#include "src/base/result.h"
#include "src/base/time.h"

namespace eventmq {

class AdminClient {
 public:
  AdminClient(std::string address, Duration timeout);
  ~AdminClient();
  AdminClient(AdminClient&&) noexcept;

  const std::string& address() const;

  // One of the views (docs/protocol.md, QUERY); `arguments` is a JSON object or empty. The answer is JSON.
  Result<std::string> query(const std::string& view, const std::string& arguments = {});
  // The published questions.
  Result<std::string> published_status();
  Result<std::string> published_workers();
  Result<std::string> published_schedulers();
  // Tells the router to shut down; it has taken note, and goes on until what it holds has ended.
  Result<void> shutdown();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
