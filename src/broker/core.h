// The inside of Broker: all its state and the steps, grouped by what they are about. Each group of methods is
// a source file of its own.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/base/id_source.h"
#include "src/base/prng.h"
#include "src/broker/backlog.h"
#include "src/broker/broker.h"
#include "src/broker/dead_letters.h"
#include "src/broker/dedupe_window.h"
#include "src/broker/job_table.h"
#include "src/broker/jobs_query.h"
#include "src/broker/kept_results.h"
#include "src/broker/peers.h"
#include "src/broker/queue.h"
#include "src/broker/recent_replies.h"
#include "src/broker/timer_heap.h"

namespace eventmq {

// Why an attempt ended without a word from its worker.
enum class LossCause { kSilent, kLeft, kRestarted, kUnreachable };
// What its worker did: "fell silent".
std::string_view loss_text(LossCause cause);

// What people may still ask about a job that has ended.
struct EndedJob {
  Bytes id;
  Bytes queue;
  Outcome outcome;
  uint32_t attempts;
  Instant accepted_at;
  Instant ended_at;
  Bytes result;              // the beginning of the REPLY's payload, if it ended without success
  Bytes history;             // of a guaranteed job
  Instant kept_until;        // its result; Instant{}: it is not kept
  uint64_t value_bytes = 0;  // of the result
  CommitNumber commit = 0;   // that keeps its end; 0 if it was not guaranteed
};

// What people do to jobs, by ids or many at once.
enum class JobOrder { kCancel, kRetry, kDelete };
// An order about many, while jobs of it are claimed from the store.
struct BulkOrder {
  Asker asker;
  JobOrder change;
  bool running_too = true;  // jobs that run are meant
  size_t groups_open = 0;
  CommitNumber commit = 0;  // that keeps the last of its changes
  uint64_t done = 0;
  uint64_t asked = 0;    // those that run, and whose workers were told to cancel them
  uint64_t refused = 0;  // left as they are
  std::optional<JobsPlace> next = {};
};

// What was refused or dropped, for `emq status`.
struct BrokerCounters {
  uint64_t bad_messages = 0;
  uint64_t duplicates = 0;         // a REQUEST whose id was known
  uint64_t merged = 0;             // a REQUEST whose unique key was taken
  uint64_t late_results = 0;       // a REPLY for an attempt that its sender does not hold
  uint64_t excess_ready = 0;       // a READY beyond limits::kCreditsPerWorker
  uint64_t strangers = 0;          // worker's talk from a peer that never sent INFORM
  uint64_t undeliverable = 0;      // messages whose peer was gone
  uint64_t unread = 0;             // messages to a peer that does not read
  uint64_t peers_lost = 0;         // dropped for silence or because they became unreachable
  uint64_t connections_cut = 0;    // closed by us: for what they sent or did not read
  uint64_t handshakes_failed = 0;  // closed by us: they did not speak ZMTP
  uint64_t routing_ids_taken = 0;  // refused, since another connection has their routing id
  uint64_t connections_shed = 0;   // closed by us: there were too many
  uint64_t queues_refused = 0;     // a REQUEST that would have made a queue beyond limits::kQueues
  uint64_t results_dropped = 0;    // from memory, before their time
  uint64_t recovered = 0;          // jobs that an earlier life of the broker left in the store
  uint64_t resumed = 0;            // jobs that their worker went on with in a new conversation
};

struct Broker::State {
  State(BrokerSettings broker_settings, uint64_t seed, std::string broker_instance, Instant now);

  void step(Event& event, Instant now, Effects& out);
  Instant next_wake() const;

 private:
  friend class Broker;

  // --- core.cc: dispatch and saying things ---
  void on_event(MessageArrived& event);
  void on_event(BadMessageArrived& event);
  void on_event(SendFailed& event);
  void on_event(Tick& event);
  void on_event(ShutdownRequested& event);
  void on_event(SettingsChanged& event);
  void on_event(StoreRecovered& event);
  void on_event(StoreChanged& event);
  void on_event(BacklogClaimed& event);
  void on_event(ConnectionFaulty& event);
  void on_event(PeersUnread& event);
  void send(Side side, const Bytes& peer, Body body, CommitNumber after = 0);
  void send(Peer& peer, Body body);
  void ack(const MessageArrived& event, CommitNumber after = 0);
  void error(Side side, const Bytes& peer, ErrorCode code, std::string text, const Bytes& offending_id);
  void error(const MessageArrived& event, ErrorCode code, std::string text);
  void error(const Asker& asker, ErrorCode code, std::string text);
  // Why a question or an order that needs the store is refused while it is away.
  Error store_is_away() const;
  void tell_error(Side side, const Bytes& peer, ErrorCode code, std::string text, const Bytes& offending_id);
  void log(LogLevel level, std::string text);

  // --- intake.cc: what clients ask for ---
  void on_message(const MessageArrived& event, Request& request);
  void on_message(const MessageArrived& event, Cancel& cancel);
  void on_message(const MessageArrived& event, Schedule& schedule);
  void on_message(const MessageArrived& event, Unschedule& unschedule);
  void on_message(const MessageArrived& event, Publish& publish);
  bool answer_known_id(const MessageArrived& event, const Request& request);
  bool joins_again(const Request& request, KnownId known);
  bool give_guarantee(const MessageArrived& event, const Request& request, Job& job);
  bool ack_again(const MessageArrived& event, CommitNumber after);
  void withhold_ack(const MessageArrived& event);
  void end_conversations_without_acks();
  bool takes_reply(const MessageArrived& event, const Request& request, const ReplyRoute& route, bool wanted) const;
  bool may_take_route(const ReplyRoute& from, const ReplyRoute& route) const;
  void repeat_reply(const MessageArrived& event, const Request& request);
  Result<Queue*> queue_of(const Request& request);
  Result<Queue*> queue_or_refusal(const Bytes& name);
  bool merge_unique(const MessageArrived& event, const Request& request, const Queue& queue);
  CommitNumber join(const Bytes& id, const Job& job);
  std::optional<Error> follow(const MessageArrived& event, const Request& request, Job& job);
  void make_guaranteed(Job& job);
  std::optional<Error> memory_refusal(size_t bytes) const;
  std::optional<Error> store_refusal(const JobHeaders& headers) const;
  std::optional<Error> room_refusal(const MessageArrived& event, const Request& request, const Queue& queue) const;
  std::optional<Error> refusal(const MessageArrived& event, const Request& request, const Queue& queue) const;
  void accept(const MessageArrived& event, Request& request, Queue& queue);
  CommitNumber take(Job fresh);
  std::optional<Error> cancel_job(Job& job);
  void end_waiting(Job& job, JobOrder change);
  void send_cancel(const Job& job);
  Queue* queue_for(const Bytes& name, size_t queues_max);
  void prune_queues();
  void become_ready(Job& job);
  void forward(Peer& scheduler, const Bytes& id, std::variant<Schedule, Unschedule> command);

  // --- conversation.cc: peers come, speak and go ---
  void on_message(const MessageArrived& event, Inform& inform);
  void on_message(const MessageArrived& event, Ready& ready);
  void on_message(const MessageArrived& event, Heartbeat& heartbeat);
  void on_message(const MessageArrived& event, Disconnect& disconnect);
  void on_message(const MessageArrived& event, Goodbye& goodbye);
  void on_message(const MessageArrived& event, Ack& ack);
  void on_message(const MessageArrived& event, ErrorMessage& error);
  void on_message(const MessageArrived& event, Progress& progress);
  bool has_room_for(PeerKind kind) const;
  void refuse_inform(const MessageArrived& event, const Inform& inform, std::string text);
  void introduce(std::unique_ptr<Peer> peer, const Inform& inform);
  void repeat_cancels(const MessageArrived& event);
  bool register_worker(const MessageArrived& event, Inform& inform);
  std::optional<Error> subscribe(Worker& worker, const std::vector<QueueWeight>& queues);
  void unsubscribe(Worker& worker);
  static bool may_resume(const Worker& worker, const Inform& inform);
  Worker* find_previous(const Worker& worker, const Inform& inform) const;
  std::vector<Job*> take_held(Worker& worker, const Inform& inform);
  bool give_back(Job& job, Worker& worker);
  void take_claims(Worker& worker, Inform& inform);
  void give_back_claimed();
  static bool was_held_under(const Job& job, const Bytes& routing_id);
  bool take_back(Job& job);
  Worker* find_worker(const MessageArrived& event);
  void stranger(const MessageArrived& event);
  void stop_feeding(Worker& worker);
  CommitNumber last_request_commit(const Worker& worker) const;
  void worker_unreachable(Worker& worker, bool stuck, const Request* undelivered, const Bytes& id);
  static bool came_back_silently(const Peer& peer, const Body& body);
  void drop_doomed();
  void drop(Peer& peer, LossCause cause);
  void log_loss(const Worker& worker, LossCause cause);

  // --- matching.cc: which worker, which job ---
  void place(Job& job);  // it waits in its queue; the end of the step finds it a worker
  void match_placed();
  void match_placed_but_to(const Worker& speaker);
  void dispatch_next(Queue& queue);
  Queue* heaviest_unmatched(const Worker* but_to) const;
  void add_credit(Worker& worker);
  void feed(Worker& worker);  // give it jobs while it has free slots
  Job* pick_for(Worker& worker);
  static Subscription* take_turn(Worker& worker, uint32_t least);
  static uint32_t highest_weight_with_work(const Worker& worker);
  void dispatch(Job& job, Worker& worker);
  Message request_for(const Job& job, const Worker& worker) const;
  static Bytes published_attempt_id(const Job& job);
  static Bytes id_at(const Worker& worker, const Job& job);
  Job* held_by(const Worker& worker, std::string_view request_id, uint32_t attempt) const;
  void set_ranked(Worker& worker, bool ranked);
  void rerank(Worker& worker);

  // --- settling.cc: how attempts and jobs end ---
  void on_message(const MessageArrived& event, Reply& reply);
  void detach(Job& job);  // from its worker
  void attempt_ended(Job& job, Outcome outcome, const Bytes& payload);
  void worker_process_died(Job& job, const Bytes& payload);
  void attempt_lost(Job& job, LossCause cause);
  void give_up_orphan(Job& job);
  void note_attempt(Job& job, Outcome outcome, std::string error);
  void hand_back(Job& job);  // it never started there: not an attempt
  void retry_later(Job& job);
  void wait_again(Job& job);
  bool has_expired(const Job& job) const;
  void expire(Job& job);
  void end(Job& job, Outcome outcome, Bytes payload);
  void end_undispatched(Job& job, Outcome outcome, std::string_view text);
  void reply_all(const Job& job, Outcome outcome, const Bytes& payload, CommitNumber after);
  void reply(const ReplyRoute& route, Outcome outcome, const Bytes& payload, CommitNumber after);
  void set_state(Job& job, JobState state);

  // --- records.cc: what the store is told of guaranteed jobs ---
  CommitNumber persist(JobRecord record);
  CommitNumber record_accepted(Job& job);
  CommitNumber record_started(const Job& job);
  CommitNumber record_requeued(const Job& job, Instant due_at);
  CommitNumber record_merged(const Bytes& id);
  CommitNumber record_ended(const Job& job, Outcome outcome, const Bytes& payload);

  // --- backlog.cc: guaranteed jobs that only the store keeps ---
  bool may_leave_memory(const JobHeaders& headers) const;
  bool belongs_to_backlog(const Job& job, size_t bytes) const;
  bool comes_after_claimed(const Job& job) const;
  bool window_is_full(const Queue& queue, size_t bytes) const;
  CommitNumber accept_to_backlog(Job& job);
  void move_to_backlog(Job& job);
  void count_into_backlog(const Job& job);
  bool reroute(const MessageArrived& event, const Request& request);
  void touch_backlog(Queue& queue);
  void claim_for_touched();
  void claim_for(Queue& queue);
  std::optional<size_t> lane_to_fill(const Queue& queue) const;
  bool window_has_room() const;
  void claim_due(Queue& queue, size_t priority);
  void send_claim(Queue& queue, BacklogClaim claim);
  void wake_for_backlog(Queue& queue);
  void set_backlog_timer(Queue& queue, Instant at);
  void touch_due_backlogs();
  void answer_wanted(Backlog& backlog, size_t keys, const std::vector<Bytes>& ids);
  void take_claimed(Queue& queue, StoredJob& stored, bool in_turn);
  void drop_repeated(Queue& queue, const StoredJob& stored);

  // --- questions.cc: what is asked about jobs that only the store knows ---
  void on_event(StoreAnswer& event);
  bool ask_store(Asker asker, StoreQuestion question);
  bool ask_for_view(const MessageArrived& event, const Query& query);
  // Shows the jobs in memory that fit, from the query's place on, but at most `rows`, and says where to go on; nothing:
  // there are no more in memory.
  std::optional<JobsPlace> page_in_memory(const JobsQuery& query, size_t rows,
                                          const std::function<void(const Job&)>& show) const;
  // What an earlier life left is not known: the store could not be opened yet.
  bool store_is_unread() const;
  // There may be jobs that only the store knows.
  bool store_may_have_jobs() const { return backlog_size_ > 0 || store_is_unread(); }
  bool ask_to_cancel(const MessageArrived& event, const Bytes& id, bool by_query);
  void show(const Asker& asker, const StoreAnswer& found);
  void fetch_for(const Asker& asker, const StoreAnswer& found);
  void act_for(const Asker& asker);
  void cancel_for(const Asker& asker);

  // --- dead_letters.cc ---
  bool ask_for_dead(const MessageArrived& event, const Query& query);
  std::optional<Error> dead_refusal(DeadView view) const;
  Instant oldest_dead() const;
  void answer_dead(const Asker& asker, StoreAnswer& answer);
  std::string retry_letters(const DeadLetters& found);
  std::string delete_letters(const DeadLetters& found);
  bool remove_letter(JobKey key);
  void forget_removed_letters();
  bool retry_letter(const DeadLetter& letter);

  // --- job_changes.cc: jobs that are run now or removed ---
  bool change_by_query(const MessageArrived& event, const Query& query);
  void answer_change(const Asker& asker, const StoreAnswer& found);
  std::string delete_left(const Asker& asker, const StoreAnswer& found);
  void change_for(const Asker& asker);
  std::string unchangeable(std::string_view id, bool retry) const;
  void run_now(Job& job);

  // --- bulk_changes.cc: many of them ---
  enum class Changed { kNot, kDone, kAsked, kRefused };
  bool change_many(const MessageArrived& event, const Query& query);
  void change_in_memory(const Asker& asker, const JobsQuery& query);
  void ask_for_many(const Asker& asker, const JobsQuery& query);
  void claim_many(const Asker& asker, const StoreAnswer& found);
  void change_claimed(Backlog& backlog, size_t count);
  void change_one(BulkOrder& bulk, const Bytes& id);
  Changed change(Job& job, JobOrder change);
  void answer_bulk(const BulkOrder& bulk);

  // --- results.cc: what jobs ended with, kept for a while ---
  void set_result_limits();
  void keep_results(const Job& job, Outcome outcome, const Bytes& payload);
  void keep_result(const Job& job, const Bytes& id, Duration ttl, Outcome outcome, const Bytes& payload);
  bool result_is_stored(const Job& job) const;
  void forget_end(const Bytes& id);
  void result_by_query(const MessageArrived& event, const Query& query);
  void answer_result(const Asker& asker, const StoreAnswer* found);

  // --- ends.cc: how guaranteed jobs ended that the broker remembers no more ---
  void want_end(const MessageArrived& event);
  void ask_for_ends();
  void answer_ends(const StoreAnswer& answer);
  void tell_end(const ReplyRoute& route, const StoredEnd* end);

  // --- recovery.cc: what an earlier life left ---
  void restore(const StoredQueue& stored);
  void recall_ids(const StoredState& state);
  void restore(StoredEnd& stored);
  void restore(StoredJob& stored);
  void make_way_for(const StoredJob& stored);
  void end_in_favour(Job& job, std::string_view text);
  Job& take_in(StoredJob& stored);

  // --- liveness.cc: what happens when time passes ---
  void run_due_jobs();
  void forgive_own_absence();
  void hear_everyone();
  void drop_silent_peers();
  void send_heartbeats();
  void start_drain();
  bool drained();
  void finish_drain();

  // --- admin.cc, admin_views.cc: what people ask ---
  void on_message(const MessageArrived& event, Hello& hello);
  void on_message(const MessageArrived& event, StatusQuery& query);
  void on_message(const MessageArrived& event, ShowWorkers& query);
  void on_message(const MessageArrived& event, ShowSchedulers& query);
  void on_message(const MessageArrived& event, Query& query);
  bool only_for_administrators(const MessageArrived& event);
  void answer(const MessageArrived& event, std::string_view json);
  void answer(const Asker& asker, std::string_view json);
  void answer_published(const MessageArrived& event, std::string_view json);
  void cancel_by_query(const MessageArrived& event, std::string_view arguments);

  // --- invariants.cc ---
  void check_invariants() const;
  void check_jobs() const;
  void check_queues() const;
  void check_backlog(const Queue& queue) const;
  void check_peers() const;

  friend struct AdminViews;  // admin_views.h

  BrokerSettings settings_;
  std::string instance_;
  Instant started_at_;
  Prng prng_;
  IdSource ids_;

  JobTable jobs_;
  TimerHeap timers_;
  DedupeWindow dedupe_;
  RecentReplies recent_replies_;
  KeptResults results_;
  // Ordered by name for people. Keys point into the queues' names.
  std::map<std::string_view, std::unique_ptr<Queue>> queues_;
  std::unordered_map<std::string, Job*, KeyedHash> unique_jobs_;     // by queue and unique key
  std::unordered_map<std::string, Job*, KeyedHash> followed_jobs_;   // by the ids of the requests that share them
  std::unordered_map<std::string, ReplyRoute, KeyedHash> rerouted_;  // by job id: who asked again, of jobs in the store
  PeerTable peers_;
  std::vector<Queue*> unmatched_;  // queues that got waiting jobs in this step
  std::vector<Queue*> touched_;    // queues whose backlog may need a claim after this step
  // When something of a queue's backlog is due or expires: by time and the queue's number.
  std::map<std::pair<Instant, uint64_t>, Queue*> backlog_timers_;
  uint64_t next_queue_number_ = 1;
  uint64_t backlog_size_ = 0;        // jobs of all queues
  std::map<uint64_t, Asker> asked_;  // of the store, by the question's number
  uint64_t last_question_ = 0;
  std::deque<ReplyRoute> wanted_ends_;         // requests that came again after their jobs had ended
  size_t ends_asked_ = 0;                      // of them, the first ones: the store has been asked
  std::map<uint64_t, BulkOrder> bulk_orders_;  // that wait for jobs to be claimed
  uint64_t last_bulk_ = 0;
  std::set<JobKey> removed_letters_;  // that answers still to come may know
  std::vector<Worker*> doomed_;       // to be dropped once all failed sends of a turn are known
  QueueCounters retired_;             // of queues that were removed while idle
  Instant next_pruning_;
  size_t subscriptions_ = 0;  // of all workers
  size_t running_ = 0;        // jobs of all queues
  BrokerCounters counters_;
  std::deque<EndedJob> ended_;
  uint64_t next_worker_number_ = 1;
  uint64_t next_use_ = 1;
  uint64_t next_sequence_ = 1;
  CommitNumber last_commit_ = 0;
  JobKey last_key_ = 0;
  Instant planned_wake_ = Instant::never();  // what next_wake() was after the last step
  uint64_t store_fence_ = 0;
  bool store_available_ = true;
  std::string store_fault_;          // while it is not
  CommitNumber durable_commit_ = 0;  // while it is not: the last one that is durable
  size_t repeats_waiting_ = 0;       // and requests that came again since and are not answered before
  bool draining_ = false;
  bool stopped_ = false;
  Instant drain_deadline_ = Instant::never();
  Bytes drain_waits_for_;  // a delayed job, as long as it is one

  // Of the present step.
  Instant now_;
  Effects* out_ = nullptr;
};

// The key of Broker::State::unique_jobs_.
std::string unique_key(const Queue& queue, const Bytes& key);

// {"value": text, "error": {"type": word of the outcome, "message": text, "details": null}}: the payload of a
// REPLY that the broker makes itself. The text must need no JSON escapes.
Bytes failure_payload(Outcome outcome, std::string_view text);

}  // namespace eventmq
