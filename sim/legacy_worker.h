// A job manager of the published protocol, as existing Python ones behave (docs/protocol.md): it queues
// REQUESTs beyond its slots, says READY after each REPLY, takes its time for READY after a time-out, begins
// anew after fifteen seconds of silence or a KBYE, and says nothing more after its own KBYE but its last
// replies. Its library reconnects behind its back, under the same routing id, without a word to either end.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "sim/jobs.h"
#include "sim/network.h"
#include "src/base/id_source.h"

namespace eventmq::sim {

// When a published peer says that it lives, and when it takes the broker for gone: three misses of five seconds.
inline constexpr Duration kLegacyHeartbeat = seconds(3);
inline constexpr Duration kLegacySilence = seconds(15);

class LegacyWorker final : public Peer {
 public:
  LegacyWorker(World& world, Network& network, Jobs& jobs, std::string name, std::vector<QueueWeight> queues,
               uint32_t slots);

  // Says KBYE, lets what runs end, and exits.
  void leave();
  // A connection of this life broke and may have taken a REQUEST or a READY with it. Neither end can know.
  bool suspect() const { return suspect_; }

  void receive(const ConnectionPtr& from, const Message& message) override;
  void link_lost(const ConnectionPtr& lost) override;

 private:
  struct Work {
    std::string id;
    bool reply_requested = false;
    Duration timeout;
    Handler handler;
  };

  void on_start() override;
  void on_end() override;
  void begin_conversation();
  void reset();
  void beat(uint64_t conversation);
  void on_request(const Message& message, const Request& request);
  void run(Work work);
  void finish(const Work& work, bool timed_out);
  void free_slot();
  void send(Body body);

  Network& network_;
  Jobs& jobs_;
  std::vector<QueueWeight> queues_;
  uint32_t slots_;
  IdSource ids_;
  ConnectionPtr link_;
  std::string routing_id_;
  uint64_t conversation_ = 0;
  bool informed_ = false;  // ACK received
  bool leaving_ = false;
  bool suspect_ = false;
  Instant heard_;
  uint32_t running_ = 0;
  std::deque<Work> queued_;
};

}  // namespace eventmq::sim
