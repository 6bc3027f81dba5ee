// The reference model: what the promises of the README and docs/job_lifecycle.md imply for one start of the
// broker, kept from what went in and came out, and nothing else. It is as simple as it can be (lists that are
// walked, no indexes, no timers), and every effect of the true broker is judged by it.
//
// Two things it cannot know and allows for: the jitter of a retry's delay, and the moment within a tick's
// reach at which a job that nobody took expires.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/world.h"
#include "src/broker/broker.h"

namespace eventmq::sim {

using PeerKey = std::pair<Side, std::string>;  // and routing id

// The administrator who asks for results: the broker's host (broker_results.cc).
inline const Bytes kInquirer = Bytes::literal("inquirer");

struct ModelJob {
  enum class State : uint8_t {
    kDelayed,  // until due_at
    kWaiting,
    kRetryWait,  // delayed by an unknown time from `not_before`, then waiting
    kRunning,
    kEnded,
  };

  std::string id;
  std::string queue;
  JobHeaders headers;
  uint64_t number = 0;  // of acceptance
  // Who sent the request, again and again perhaps after a reconnect. One of them is told of the end; that it was
  // the right one shows at the client, which would wait for ever.
  std::set<PeerKey> askers;
  std::set<std::string> sharers;                       // the ids of all requests merged by a unique key
  std::map<std::string, std::set<PeerKey>> followers;  // likewise of requests merged by a unique key, by their id

  State state = State::kDelayed;
  PeerKey worker;  // the present or last one
  PeerKey origin;  // the one it was resumed from: its worker may not have heard that it was
  uint32_t attempt = 0;
  uint32_t retries_used = 0;
  uint32_t losses = 0;
  bool lost = false;          // the last attempt ended by loss
  bool loss_charged = false;  // and cost a retry
  bool handed_back = false;   // and was never started: `attempt` is the one before
  bool cancel_requested = false;
  bool given_out = false;           // at least once
  bool orphaned = false;            // ran when an earlier life of the broker ended
  bool stored = false;              // in the backlog: the broker does not know it until it has claimed it
  CommitNumber request_commit = 0;  // what its last REQUEST waited for
  Instant due_at;
  Instant not_before;
  Instant expires_at;
  uint64_t ready_order = 0;  // equal for jobs that became ready in one step
  uint64_t picks_at_ready = 0;
  uint64_t picks_allowed = 0;
  Outcome outcome = Outcome::kOk;

  bool unfinished() const { return state != State::kEnded; }
  bool queued() const { return state != State::kEnded && state != State::kRunning; }
};

// What a guaranteed job ended with that asked for it to be kept.
struct ModelResult {
  std::string id;
  Outcome outcome;
  Instant until;
};

struct ModelWorker {
  std::map<std::string, uint32_t> weights;  // by queue
  Capabilities capabilities;
  uint32_t credits = 0;
  size_t disowned = 0;          // jobs that it named in `resume` and that it did not get back
  std::vector<HeldJob> claims;  // those of them that are known by name; a store not opened yet may hold them
  PeerKey claims_from;          // under which name it was given them
  uint64_t last_used = 0;
  uint64_t number = 0;
  bool leaving = false;                       // gets no more jobs
  bool unreachable = false;                   // a send to it failed
  bool spoke = false;                         // said something after its INFORM
  bool doomed = false;                        // and it is dropped once all failed sends are known
  Instant leave_deadline = Instant::never();  // set: its silence no longer counts
  Instant last_heard;
};

struct ModelQueue {
  uint64_t accepted = 0, done = 0, dead = 0, expired = 0, cancelled = 0;
  uint64_t picks = 0;
  uint64_t expiries = 0;        // each may have been found out when its turn came, as a pick of the broker's
  uint64_t last_inversion = 0;  // picks and expiries when a pick last passed over a higher priority
};

class BrokerModel {
 public:
  BrokerModel(World& world, BrokerSettings settings) : world_(world), settings_(std::move(settings)) {}

  // Judges one step of the broker. `due` is when it wanted to be woken at the latest before the step.
  void step(const Event& event, const Effects& effects, Instant now, Instant due);
  // Judges the answer to QUERY status.
  void check_status(std::string_view json);

  // Jobs that were accepted and have not ended, for a person.
  std::vector<std::string> unfinished() const;
  // By the last status: nothing waits, is delayed or runs.
  bool idle() const { return idle_; }
  const ModelWorker* worker(Side side, const Bytes& routing_id) const;
  bool draining() const { return draining_; }

  // The results that the last step must have made durable with its commit.
  std::vector<ModelResult> results;
  // What the store has in its backlog at the first event.
  std::vector<StoredJob> backlog_before_start;
  // Says who truly runs this attempt now and speaks with the broker as it should; empty if nobody does.
  std::function<std::string(const std::string& id, uint32_t attempt)> who_runs;

 private:
  // --- broker_model.cc: what arrives ---
  void apply(const MessageArrived& event);
  void apply(const BadMessageArrived& event);
  void apply(const SendFailed& event);
  void apply(const Tick&);
  void apply(const ShutdownRequested&) { draining_ = true; }
  void apply(const SettingsChanged& event) { settings_ = event.settings; }
  void apply(const StoreRecovered& event);
  void apply(const ConnectionFaulty&) {}
  void apply(const PeersUnread&) {}
  void apply(const StoreChanged& event) {
    store_available_ = event.available;
    durable_commit_ = event.committed;
  }
  ModelJob& restore(const StoredJob& stored);
  void make_way_for(const StoredJob& stored);
  void end_in_favour(ModelJob& job);
  void give_back_claimed();
  static void give_back(ModelJob& job);
  void restore_backlog();
  void apply(const BacklogClaimed& event);
  bool shares_a_job(const std::string& id) const;
  void apply(const StoreAnswer&) { end_late_cancels(); }
  void end_late_cancels();
  void check_claim_order(const BacklogClaimed& event);
  void claimed(ModelJob& job);
  void cancelled(ModelJob& job);
  void note_backlog();
  void on(const MessageArrived& event, const Request& request);
  void on(const MessageArrived& event, const Cancel& cancel);
  void on(const MessageArrived& event, const Schedule&) { must_be_answered(event); }
  void on(const MessageArrived& event, const Unschedule&) { must_be_answered(event); }
  template <class Other>
  void on(const MessageArrived&, const Other&) {}
  const Body* answer_to(const MessageArrived& event) const;
  void must_be_answered(const MessageArrived& event);
  void repeated(const MessageArrived& event, const Request& request, ModelJob* job);
  void drop_doomed();
  void refused(const MessageArrived& event, const Request& request, const Error& error);
  void accept(const MessageArrived& event, const Request& request, const std::string& queue);
  std::string queue_of(const Request& request) const;
  size_t workers_of(const std::string& queue) const;
  ModelJob* unique_holder(const std::string& queue, const Bytes& key);

  // --- broker_model_peers.cc: what workers say ---
  void on(const MessageArrived& event, const Inform& inform);
  void on(const MessageArrived& event, const Ready&);
  void on(const MessageArrived& event, const Reply& reply);
  void on(const MessageArrived& event, const Disconnect&);
  void on(const MessageArrived& event, const Goodbye&);
  void take_held(const PeerKey& key, const Inform& inform);
  bool may_take_back(const ModelJob& job) const;
  bool was_held_under(const ModelJob& job, const PeerKey& previous);

  // --- broker_model_ends.cc: how attempts and jobs end ---
  void drop_worker(const PeerKey& key);
  void attempt_failed(ModelJob& job, Outcome outcome);
  void attempt_lost(ModelJob& job);
  void hand_back(ModelJob& job);
  void wait(ModelJob& job, bool keep_order);
  void retry(ModelJob& job);
  bool has_expired(const ModelJob& job) const;
  void end(ModelJob& job, Outcome outcome);
  void shut_down();

  // --- broker_model_checks.cc: what leaves ---
  void judge(const Send& send);
  void judge(const Send& send, const Request& request);
  void judge(const Send& send, const Reply& reply);
  void judge(const Send& send, const Cancel& cancel);
  void judge(const Send& send, const Progress& progress);
  void judge_answer(const Send& send, const Bytes& about);
  void check_worker_choice(const ModelJob& job, const PeerKey& chosen);
  void check_job_choice(const ModelJob& job, ModelQueue& queue);
  void check_strict_pick(const ModelJob& job, const ModelWorker& worker);
  bool waits_for_store(const ModelJob& job) const;
  void dispatched(ModelJob& job, const PeerKey& key, ModelWorker& worker);
  void violate(std::string rule, std::string text) { world_.violate(std::move(rule), std::move(text)); }

  ModelJob* find(std::string_view id);
  ModelJob* find_shared(const std::string& id);
  ModelWorker* find_worker(const PeerKey& key);
  ModelJob* held_by(const PeerKey& key, const ModelWorker& worker, const Bytes& request_id, uint32_t attempt);

  World& world_;
  BrokerSettings settings_;
  std::map<std::string, ModelJob, std::less<>> jobs_;
  std::map<uint64_t, ModelJob*> unfinished_;  // by number
  // CANCELs that the broker must ask the store about: the job, by sender and message.
  struct LateCancel {
    std::string id;
    bool was_there = false;  // the job, when the CANCEL came: the answer may be as of then
  };
  // By who asked and the id of the CANCEL, which may come twice.
  std::multimap<std::pair<PeerKey, std::string>, LateCancel> late_cancels_;
  std::map<PeerKey, ModelWorker> workers_;
  std::map<std::string, ModelQueue> queues_;
  std::set<std::string> merged_;                // requests that share another's job by its unique key
  std::map<std::string, Outcome> merged_ends_;  // of those that wanted a reply
  std::set<PeerKey> no_errors_;                 // workers and schedulers that do not understand ERROR
  uint64_t next_number_ = 1;
  uint64_t step_ = 0;
  uint64_t step_began_ = 0;  // the first number of this step
  uint64_t next_use_ = 1;
  bool store_available_ = true;
  CommitNumber durable_commit_ = 0;  // while it is not available
  bool draining_ = false;
  bool stopped_ = false;
  bool idle_ = true;

  // Of the present step.
  Instant now_;
  Instant due_;
  const Event* event_ = nullptr;
  const Effects* effects_ = nullptr;
  struct DueReply {
    Outcome outcome;
    std::set<PeerKey> askers;
    bool or_forgotten = false;  // it may also say `lost`: nobody wanted a reply when the job ended
  };
  std::map<std::string, DueReply> due_replies_;  // by request id
};

// The id that a worker of the published protocol is given for this attempt of a job.
std::string published_attempt_id(const ModelJob& job, uint32_t attempt);

}  // namespace eventmq::sim
