// The peers that sent INFORM: job managers, schedulers, and clients that did. Other clients are not held; what
// the broker needs of them (a routing id to answer to) is in their jobs.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/intrusive_list.h"
#include "src/base/siphash.h"
#include "src/broker/job.h"
#include "src/broker/queue.h"
#include "src/wire/text.h"

namespace eventmq {

struct Peer {
  Peer(PeerKind peer_kind, Side peer_side, Bytes id) : kind(peer_kind), side(peer_side), routing_id(std::move(id)) {}
  virtual ~Peer() = default;

  // As people see it.
  std::string name() const { return shown_id(routing_id.view()); }

  PeerKind kind;
  Side side;
  Bytes routing_id;
  bool announced_capabilities = false;  // false: it speaks the published protocol
  Capabilities capabilities;
  Instant connected_at;
  Instant last_heard;
  Instant last_sent;
  // It said that it goes: it gets no more jobs, but may still settle those it has.
  bool leaving = false;
  // A request of its that came again was not ACKed, because too many wait for the store (Broker::State::ack_again).
  bool ack_withheld = false;
  // Set for a leaving worker of the published protocol, which falls silent while its last jobs run.
  Instant leave_deadline = Instant::never();

  ListLink<Peer> heard_link;
  ListLink<Peer> sent_link;
  ListLink<Peer> scheduler_link;
};

// A queue that a worker serves.
struct Subscription {
  Queue* queue = nullptr;
  uint32_t weight = 0;
  int64_t turn = 0;                       // of the weighted round among the worker's queues (matching.cc)
  std::set<WorkerRank>::node_type spare;  // its entry of queue->available while it is not in there
};

struct Worker : Peer {
  Worker(Side peer_side, Bytes id) : Peer(PeerKind::kWorker, peer_side, std::move(id)) {}

  uint64_t number = 0;                      // of registration
  std::vector<Subscription> subscriptions;  // none when it is leaving
  uint32_t credits = 0;                     // free slots: READYs not used yet
  // Jobs that it said it still runs, and that are not its own any more: their results free slots all the same. At least
  // as many as there are claims.
  uint32_t disowned = 0;
  // Those of them that are known by name, and the name that they were given under. A store that could not be opened yet
  // may know them too: then they are given back to the worker (Broker::State::give_back_claimed).
  std::vector<HeldJob> claims;
  Bytes claims_from;
  JobList running;
  uint64_t last_used = 0;  // counts up over all workers; 0: never
  uint64_t processed = 0;
  bool excess_logged = false;  // that it passed limits::kCreditsPerWorker
  bool spoke = false;          // said something after its INFORM
  bool unreachable = false;    // a send to it failed; it may come back in a new conversation
  bool ranked = false;         // in its queues' `available` sets: it has credits and is not leaving

  // It tells how each job ended, and that is its READY.
  bool settles() const { return capabilities.settle; }
};

class PeerTable {
 public:
  explicit PeerTable(KeyedHash hash);

  // Adds a peer that is not present and notes that it was heard and sent to at `now`.
  void add(std::unique_ptr<Peer> peer, Instant now);
  void remove(Peer& peer);
  Peer* find(Side side, std::string_view routing_id) const;
  size_t count(PeerKind kind) const { return counts_[static_cast<size_t>(kind)]; }

  void heard(Peer& peer, Instant now);
  void sent(Peer& peer, Instant now);
  // Moves it from the order of the heard to that of the leaving: silence no longer counts, the deadline does.
  void start_leaving(Peer& peer, Instant deadline);

  // The peers at the front of each order, null when it is empty.
  Peer* longest_silent() const { return heard_order_.front(); }
  Peer* longest_unsent() const { return sent_order_.front(); }
  Peer* first_to_leave() const { return leaving_order_.front(); }

  // The scheduler for that schedule: always the same one while it is here. Null when there is none.
  Peer* scheduler_for(uint64_t schedule) const;
  template <class Visit>
  void for_each_scheduler(Visit visit) const {
    for (Peer* peer = schedulers_.front(); peer; peer = SchedulerOrder::next(*peer)) visit(*peer);
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& side : by_side_) {
      for (const auto& entry : side) visit(*entry.second);
    }
  }

 private:
  using HeardOrder = IntrusiveList<Peer, &Peer::heard_link>;
  using SentOrder = IntrusiveList<Peer, &Peer::sent_link>;
  using SchedulerOrder = IntrusiveList<Peer, &Peer::scheduler_link>;
  using ById = std::unordered_map<std::string_view, std::unique_ptr<Peer>, KeyedHash>;

  std::array<ById, 3> by_side_;
  std::array<size_t, 3> counts_{};
  HeardOrder heard_order_;     // by last_heard
  SentOrder sent_order_;       // by last_sent
  HeardOrder leaving_order_;   // by leave_deadline
  SchedulerOrder schedulers_;  // by their coming
};

}  // namespace eventmq
