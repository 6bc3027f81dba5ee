// Every limit on what a peer can make us hold or do, in one place: its name, its unit, and what happens
// beyond it. Limits that an operator may change are settings (docs/settings.md); their defaults are here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/base/time.h"

namespace eventmq::limits {

// --- One message. Beyond: refused with ERROR (bad-message or too-large) and counted. ---
inline constexpr size_t kFramesPerMessage = 12;           // frames after the routing id
inline constexpr size_t kIdBytes = 128;                   // a message or request id
inline constexpr size_t kAttemptIdBytes = kIdBytes + 11;  // such an id with "~<attempt>" behind it, in REPLY
inline constexpr size_t kRoutingIdBytes = 255;            // ZMTP's own limit
inline constexpr size_t kQueueNameBytes = 200;
inline constexpr size_t kHeadersBytes = 8 * 1024;
inline constexpr size_t kQueuesPerInform = 1000;
inline constexpr size_t kResumedJobsPerInform = 10'000;
inline constexpr size_t kInformBytes = 1024 * 1024;  // the queues frame and the resume frame of INFORM
inline constexpr size_t kCapabilitiesBytes = 4 * 1024;
inline constexpr size_t kTopicBytes = 1024;
inline constexpr size_t kCronBytes = 1024;           // a cron expression
inline constexpr size_t kQueryBytes = 64 * 1024;     // the arguments of QUERY
inline constexpr size_t kWordBytes = 64;             // a time, interval, fraction, peer type, error code or view
inline constexpr uint32_t kQueueWeight = 1'000'000;  // in INFORM
inline constexpr size_t kProgressTextBytes = 1024;
inline constexpr size_t kErrorTextBytes = 1024;                      // longer texts are cut
inline constexpr size_t kJsonDepth = 100;                            // nesting of any JSON that we parse
inline constexpr size_t kFrameBytesDefault = 32 * 1024 * 1024;       // setting max_message_size
inline constexpr size_t kBesideLargestFrameBytes = 2 * 1024 * 1024;  // all other frames of the message
// --- What a connection may send or announce as one message, and what messages whose end has not come may have in
// memory together. Beyond: the connection, or that with the largest, is closed, logged and counted. ---
inline constexpr size_t kFrameBytesAnnounced = 1024 * 1024 * 1024;
inline constexpr uint32_t kFramesUntilCut = 1'000'000;  // of one message; those beyond kFramesPerMessage are dropped
inline constexpr uint64_t kUnfinishedBytes = 1024ull * 1024 * 1024;
// --- Addresses. Beyond: refused where it is set. ---
inline constexpr size_t kSocketPathBytes = 107;  // of ipc://: sun_path of unix(7), without the zero at its end
// --- Connections of all sockets together. Beyond: closed, logged and counted; those first that never spoke. ---
inline constexpr uint64_t kConnections = 120'000;           // or what the limit of open files leaves, if that is less
inline constexpr uint64_t kReservedFiles = 128;             // for the store, the log, bursts and the next line
inline constexpr uint64_t kAdministrativeConnections = 32;  // of those, that the administrative socket has for itself

// --- Values in headers. Beyond: bad-message. ---
inline constexpr uint32_t kRetryCount = 1'000;
inline constexpr Duration kHeaderDuration = seconds(10 * 365 * 86'400LL);  // timeout, delay, expires, backoff
inline constexpr Duration kResultTtl = seconds(30 * 86'400LL);             // result-ttl
inline constexpr uint8_t kPriorityHighest = 9;
inline constexpr uint8_t kPriorityDefault = 4;

// --- What the broker holds. Beyond: ERROR queue-full, nothing taken, but of guaranteed jobs (see below). ---
inline constexpr uint64_t kJobsPerQueueDefault = 1'000'000;             // setting hwm
inline constexpr uint64_t kMemoryBytesDefault = 1024ull * 1024 * 1024;  // setting memory_limit
inline constexpr size_t kQueues = 100'000;                              // that requests may make
inline constexpr Duration kQueuePruning = seconds(1);  // at most so often, idle queues are looked for and forgotten
inline constexpr size_t kFollowersPerJob = 100;        // requests that share a job by its unique key
// --- Guaranteed jobs in memory. Beyond: they wait in the store alone, and come back as slots free. ---
inline constexpr uint64_t kWindowJobs = 10'000;  // of one queue; the bytes of all are half of memory_limit
inline constexpr uint32_t kClaimJobs = 1'000;    // that come back at once
inline constexpr uint64_t kClaimBytes = 4 * 1024 * 1024;
inline constexpr uint32_t kUrgentClaimJobs = 16;  // when there is no room, but a worker has nothing else
inline constexpr uint64_t kUrgentClaimBytes = 256 * 1024;
inline constexpr size_t kRerouted = 100'000;  // requests for jobs in the store that were sent again; beyond: queue-full
inline constexpr size_t kWantedEnds = 100'000;  // requests sent again whose jobs ended longer ago; beyond: queue-full
inline constexpr size_t kEndsAsked = 1'000;     // of them are looked for at once
// --- Beyond: the peer's INFORM gets ERROR queue-full and is dropped. ---
inline constexpr size_t kWorkers = 10'000;
inline constexpr size_t kQueuesWithInformed = 200'000;  // all queues; the room above kQueues is for INFORM alone
inline constexpr size_t kSubscriptions = 1'000'000;     // queues of all workers together
inline constexpr size_t kSchedulers = 1'000;
inline constexpr size_t kClients = 100'000;  // those that sent INFORM; others are not held
// --- Beyond: the READY is dropped and counted. ---
inline constexpr uint32_t kCreditsPerWorker = 10'000;
// --- Beyond: the oldest is forgotten. ---
inline constexpr size_t kDedupeIdsDefault = 1'000'000;                  // setting dedupe_ids
inline constexpr size_t kDeadLettersDefault = 100'000;                  // setting dead_max
inline constexpr size_t kResultsDefault = 100'000;                      // setting result_max: kept results in the store
inline constexpr uint64_t kResultBytesDefault = 1024ull * 1024 * 1024;  // setting result_limit: their values
inline constexpr size_t kResultsInMemory = 10'000;                      // of plain jobs, or without a durable store
inline constexpr size_t kResultBytesInMemory = 64 * 1024 * 1024;
inline constexpr size_t kAttemptsInHistory = 10;     // of one guaranteed job
inline constexpr size_t kErrorBytesInHistory = 200;  // of each attempt's error
inline constexpr size_t kRecentReplies = 10'000;     // kept for clients whose connection broke
inline constexpr size_t kRecentReplyBytes = 64 * 1024 * 1024;
inline constexpr size_t kEndedResultBytes = 2 * 1024;  // of what a failed one answered
inline constexpr size_t kEndedJobsRemembered = 1'000;  // for `emq jobs show`
// --- Beyond: the reply names how many were left out. ---
inline constexpr size_t kListingRows = 1'000;
inline constexpr size_t kListingVisits = 100'000;    // jobs that one listing looks at
inline constexpr size_t kListingNamesRead = 10'000;  // jobs whose name one listing reads from their messages

// --- Questions to the store that wait for its answer. Beyond: ERROR queue-full. ---
inline constexpr size_t kOpenQuestions = 16;
inline constexpr size_t kOpenResultQuestions = 64;  // of clients, for kept results; apart from the others

// Of the picks from one queue, every n-th takes the oldest job whatever its priority, so a job with k
// older jobs before it waits for at most (k + 1) * n picks.
inline constexpr uint32_t kOldestFirstEvery = 16;

// --- One turn of the router's loop. Beyond: the next turn goes on. ---
inline constexpr size_t kDueJobsPerTick = 1'000;  // that become ready or expire
inline constexpr size_t kMessagesPerTurn = 256;
inline constexpr size_t kRecordsGathered = 512;  // for the store, before the turn goes on
// --- What waits for a peer that does not read, per peer. Beyond: dropped and counted. ---
inline constexpr int kSendQueueMessages = 10'000;
// Of large frames, and not to job managers; one message may pass it.
inline constexpr size_t kSendQueueBytes = 64 * 1024 * 1024;
// --- The same of all peers together. Beyond: the connection for which the most waits is closed. ---
inline constexpr uint64_t kUnsentBytes = 1024ull * 1024 * 1024;
// --- Messages of the broker that a client or job manager has not read yet. Beyond: its connection is not read. ---
inline constexpr int kReceiveQueueMessages = 1'000;
// --- What waits for the store while it is there. Beyond: the loop does not read the clients until it has caught up;
// beyond twice as much the job managers, beyond three times the administrators. ---
inline constexpr size_t kHeldSends = 100'000;                  // sends that wait for their commit
inline constexpr size_t kUncommittedBytes = 64 * 1024 * 1024;  // of messages and results that are not durable yet
// --- While it is not there. Beyond: requests that come again are not answered. ---
inline constexpr size_t kRepeatsWaiting = 10'000;  // ACKs of them that wait for it

// --- Worker processes ---
inline constexpr size_t kWorkerLineBytes =
    32 * 1024 * 1024;                                 // one line of the worker protocol; beyond: the job ends as error
inline constexpr size_t kJobOutputBytes = 64 * 1024;  // stdout and stderr kept of one job; beyond: dropped, counted
inline constexpr uint32_t kSlots = 1'000;             // concurrent_jobs

static_assert(kQueueNameBytes * kQueuesPerInform < kInformBytes);
static_assert(kIdBytes < kRoutingIdBytes);
static_assert(kBesideLargestFrameBytes >
              kInformBytes + kHeadersBytes + kQueryBytes + kFramesPerMessage * kCapabilitiesBytes);
static_assert(kWorkerLineBytes >= kFrameBytesDefault);
static_assert(kConnections > kWorkers + kClients);
static_assert(kReservedFiles > 2 * kAdministrativeConnections);

}  // namespace eventmq::limits
