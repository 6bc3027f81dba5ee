// What happened in a simulation, counted, so that a simulator that has gone blind (a fault never injected, a
// path never taken) is noticed: a test demands that each of these happens at least once over its seeds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace eventmq::sim {

// name in code, name in the report.
#define EVENTMQ_SIM_COVERAGE(X)                                 \
  X(kBrokerStep, "broker step")                                 \
  X(kStatusCheck, "status check")                               \
  X(kJobSubmitted, "job submitted")                             \
  X(kJobAccepted, "job accepted")                               \
  X(kJobRefused, "job refused")                                 \
  X(kDuplicateRequest, "request repeated under its id")         \
  X(kRequestResent, "request resent after a reconnect")         \
  X(kPlainDispatch, "attempt of a plain job")                   \
  X(kRetriedDispatch, "attempt of a retried job")               \
  X(kGuaranteedDispatch, "attempt of a guaranteed job")         \
  X(kRetry, "attempt after a failed one")                       \
  X(kRedelivery, "attempt after a lost one")                    \
  X(kRetriesExhausted, "job dead, retries used up")             \
  X(kPoisonJob, "guaranteed job dead, workers used up")         \
  X(kJobDone, "job done")                                       \
  X(kJobLost, "job lost with its worker")                       \
  X(kJobExpired, "job expired")                                 \
  X(kJobCancelled, "job cancelled")                             \
  X(kCancelSent, "cancel sent by a client")                     \
  X(kWorkerCancel, "cancel reached a worker")                   \
  X(kUnknownJob, "handler not known")                           \
  X(kHandlerError, "handler failed")                            \
  X(kHandlerTimeout, "handler timed out")                       \
  X(kHandlerKilled, "handler's process died")                   \
  X(kHandlerKilledWorker, "handler killed its worker")          \
  X(kJobReturned, "job handed back unstarted")                  \
  X(kDelayedDispatch, "attempt of a delayed job")               \
  X(kPriorityDispatch, "attempt of a job with priority")        \
  X(kUniqueJob, "job with a unique key")                        \
  X(kProgress, "progress reached a client")                     \
  X(kReplyDelivered, "reply reached a client session")          \
  X(kReplyAfterReconnect, "reply reached a later conversation") \
  X(kLateReply, "reply of a lost attempt")                      \
  X(kStoreOutage, "store away for a while")                     \
  X(kLateStore, "broker began without its store")               \
  X(kLateWrite, "write outlived its broker")                    \
  X(kFencedOff, "write of a broker of before was refused")      \
  X(kAskedForAgain, "job asked for until the store was there")  \
  X(kHeldGivenBack, "job of a late store given back")           \
  X(kBacklogJob, "job accepted by the store alone")             \
  X(kBacklogRetry, "job to be retried left to the store")       \
  X(kClaimed, "job claimed from the store")                     \
  X(kLateCancel, "cancel that the store is asked about")        \
  X(kBacklogExpired, "job expired in the store")                \
  X(kResultFound, "kept result given when asked for")           \
  X(kResultOver, "kept result gone after its time")             \
  X(kResultSurvived, "kept result there after a restart")       \
  X(kJobRecovered, "job taken up after a crash of the broker")  \
  X(kResume, "worker resumed its jobs")                         \
  X(kResumedJob, "job kept through a resume")                   \
  X(kConnectionBroken, "connection broken")                     \
  X(kMessageLost, "message lost with its connection")           \
  X(kPartition, "connection silently dead")                     \
  X(kSendUnreachable, "send failed, peer gone")                 \
  X(kSendFull, "send failed, queue full")                       \
  X(kConnectRefused, "connection refused")                      \
  X(kWorkerCrash, "worker crashed")                             \
  X(kWorkerHang, "worker hung past the heartbeat timeout")      \
  X(kWorkerHiccup, "worker hung shorter than the timeout")      \
  X(kWorkerDrain, "worker drained")                             \
  X(kWorkerGone, "silent worker dropped")                       \
  X(kClientCrash, "client crashed")                             \
  X(kClientHang, "client hung")                                 \
  X(kClientClose, "client closed its session")                  \
  X(kBrokerCrash, "broker crashed")                             \
  X(kBrokerHang, "broker hung")                                 \
  X(kBrokerShutdown, "broker shut down in order")               \
  X(kSettingsChanged, "settings changed")                       \
  X(kClockStep, "clock stepped forward")                        \
  X(kSlowNetwork, "network slowed down")                        \
  X(kCommit, "commit made durable")                             \
  X(kUncommittedLost, "records lost before their commit")       \
  X(kSendHeldForCommit, "send held until its commit")           \
  X(kLegacyDispatch, "attempt on a published-protocol worker")  \
  X(kLegacyQueued, "published-protocol worker queued a job")    \
  X(kLegacyLeft, "published-protocol worker said KBYE")         \
  X(kSchedulerRequest, "scheduler handed in a job")             \
  X(kScheduleForwarded, "schedule reached a scheduler")         \
  X(kHostileMessage, "hostile message")                         \
  X(kHostileJob, "attempt on a hostile worker")                 \
  X(kBadMessage, "message refused by the codec")

enum class Covered : uint8_t {
#define EVENTMQ_X(name, text) name,
  EVENTMQ_SIM_COVERAGE(EVENTMQ_X)
#undef EVENTMQ_X
      kCount
};

std::string_view covered_name(Covered what);

class Coverage {
 public:
  void count(Covered what, uint64_t times = 1) { counts_[static_cast<size_t>(what)] += times; }
  uint64_t of(Covered what) const { return counts_[static_cast<size_t>(what)]; }
  void add(const Coverage& other);
  // One line per kind; kinds that never happened are marked.
  std::string report() const;

 private:
  std::array<uint64_t, static_cast<size_t>(Covered::kCount)> counts_{};
};

}  // namespace eventmq::sim
