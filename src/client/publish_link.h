// The connection that published messages take: PUBLISH out, ACK or ERROR back, nothing else said. At most once: a
// message leaves on one connection only, and if that breaks before the ACK the caller is told so.
//
// Driven by the client's loop; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/base/id_source.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/transport/dealer_socket.h"
#include "src/wire/messages.h"

namespace eventmq {

class PublishLink {
 public:
  using Done = std::function<void(Result<void>)>;

  PublishLink(ZmqContext& context, std::string address, IdSource ids);

  // `done` is called once. The connection is made when the first message needs it.
  void publish(Message message, Instant deadline, Done done, Instant now);
  // Takes what has arrived, and does what is due.
  void turn(Instant now);
  Instant next_wake() const;
  const DealerSocket& socket() const { return socket_; }
  size_t pending() const { return pending_.size(); }
  // Fails what is pending with kClosed.
  void close(Duration linger);

 private:
  enum class Phase { kClosed, kConnecting, kConnected };
  struct Pending {
    Message message;
    Instant deadline;
    Done done;
    bool sent = false;
  };
  using PendingMap = std::map<uint64_t, Pending>;  // by the order of publishing

  void connect(Instant now);
  void on_message(const Message& message);
  void on_connected();
  void on_lost(Instant now);
  void send(Pending& pending);
  void finish(PendingMap::iterator entry, Result<void> result);
  void finish_id(std::string_view id, Result<void> result);
  void fail_overdue(Instant now);

  std::string address_;
  IdSource ids_;
  DealerSocket socket_;
  Phase phase_ = Phase::kClosed;
  PendingMap pending_;
  std::unordered_map<std::string, uint64_t> numbers_;  // by id
  std::multimap<Instant, uint64_t> deadlines_;
  uint64_t next_number_ = 1;
  Instant retry_at_{0};
  Duration retry_wait_;
};

}  // namespace eventmq
