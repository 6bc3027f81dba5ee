// The worker's end: a job manager's conversation with the broker. Knows slots and jobs, not processes.
//
// Life: Connect, INFORM (settle, errors, cancel, progress, resume), ACK, one READY for each free slot. Each
// REQUEST takes a slot; the settling REPLY frees it and is its READY. A job that arrives beyond the free slots
// is handed back as `returned`. In a new conversation the INFORM names the jobs still held (wire: resume), and
// READY is sent only for slots that are free. A result larger than the broker says it takes is settled as an error.
#pragma once

#include <memory>

#include "src/base/id_source.h"
#include "src/session/session.h"
#include "src/wire/limits.h"

namespace eventmq {

struct WorkerSessionSettings {
  LinkSettings link;
  std::vector<QueueWeight> queues;
  uint32_t slots = 4;
  uint64_t payload_bytes_max = limits::kFrameBytesDefault;  // a larger job ends here, as an error that says so
};

// --- Events ---
struct WorkerStarted {};
// A job that StartJob handed out has ended.
struct JobFinished {
  Bytes request_id;
  uint32_t attempt;
  Outcome outcome;
  Bytes payload;  // {"value": …} or {"value": …, "error": …}
};
struct JobProgressed {
  Bytes request_id;
  double fraction;
  Bytes text;
};
// Take no more jobs; the session ends once every held job has been settled (finished or returned).
struct DrainRequested {};
// Nothing could run here: take no more jobs and, once every held job has been settled, leave the broker (SessionAway)
// until ReturnRequested. Only for a broker that takes jobs back (takes_back()).
struct LeaveRequested {};
struct ReturnRequested {};
using WorkerEvent = std::variant<WorkerStarted, FromBroker, LinkMade, LinkLost, SessionTick, JobFinished, JobProgressed,
                                 DrainRequested, LeaveRequested, ReturnRequested>;

// --- Effects ---
struct StartJob {
  Bytes request_id;
  uint32_t attempt;  // 1 for the first; 1 if the broker did not say
  Bytes queue;
  JobHeaders headers;
  Bytes payload;
};
// Stop the job if it runs, forget it if it has not started; JobFinished with kCancelled follows.
struct CancelJob {
  Bytes request_id;
};
// The broker was left as asked; the connection is to be closed. The next Connect is the return.
struct SessionAway {};
using WorkerEffect = std::variant<Connect, ToBroker, StartJob, CancelJob, SessionAway, SessionEnded, SessionLog>;

class WorkerSession {
 public:
  WorkerSession(WorkerSessionSettings settings, IdSource ids);
  ~WorkerSession();
  WorkerSession(WorkerSession&&) noexcept;
  WorkerSession& operator=(WorkerSession&&) noexcept;

  void step(WorkerEvent event, Instant now, std::vector<WorkerEffect>& out);
  Instant next_wake() const;
  // True between the ACK of INFORM and the loss of that conversation.
  bool connected() const;
  // The broker takes back jobs that have not begun. False before the first conversation, and of a broker of the
  // published protocol.
  bool takes_back() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eventmq
