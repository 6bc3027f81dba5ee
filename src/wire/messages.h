// What peers may say, as plain structs: one per command of eMQP/1.0 and of our extensions
// (docs/protocol.md). src/codec turns frames into these and back; nothing else knows the frames.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/bytes.h"
#include "src/wire/capabilities.h"
#include "src/wire/headers.h"

namespace eventmq {

// How an attempt, and so perhaps the job, ended.
enum class Outcome : uint8_t {
  kOk,
  kError,       // the handler failed
  kTimeout,     // it ran past its timeout
  kKilled,      // its process died
  kUnknownJob,  // the worker has no such handler
  kCancelled,
  kReturned,  // handed back unstarted; not an attempt
  // Said by the broker only:
  kLost,     // the worker that held it is gone
  kExpired,  // it did not start within `expires`
};
std::string_view outcome_word(Outcome outcome);
// False, and `outcome` untouched, when the word is none of them.
bool outcome_from_word(std::string_view word, Outcome& outcome);
// The job ended without success by itself: it did not run to its end, and nobody wanted that.
bool is_dead(Outcome outcome);

enum class PeerKind : uint8_t { kClient, kWorker, kScheduler };
std::string_view peer_kind_word(PeerKind kind);

struct QueueWeight {
  uint32_t weight = 10;  // docs/protocol.md: the default weight
  Bytes name;
  bool operator==(const QueueWeight&) const = default;
};

struct Ack {
  Bytes acknowledged;  // one id, or several separated by commas to a peer that said multi-ack
  Bytes capabilities;  // only in the answer to an INFORM that carried capabilities
};
struct Heartbeat {
  Bytes time;  // decimal unix time; not interpreted
};
struct Disconnect {};
struct Goodbye {};  // KBYE; the published spelling KBAI is read as the same
struct Request {
  Bytes queue;  // empty: the broker's default queue
  JobHeaders headers;
  Bytes payload;
  uint32_t attempt = 0;  // to a worker that settles: 1 for the first; else 0 and not sent
};
struct Reply {
  Bytes payload;
  Bytes request_id;      // empty: not said (published form, administrative replies)
  uint32_t attempt = 0;  // from a worker that settles; else 0
  bool has_outcome = false;
  Outcome outcome = Outcome::kOk;  // valid if has_outcome
};
// SCHEDULE and UNSCHEDULE.
struct ScheduleFields {
  Bytes queue;
  JobHeaders headers;
  Bytes interval;  // seconds as decimal text; "-1" with a cron expression
  Bytes payload;
  Bytes cron;            // empty with an interval
  bool has_cron = true;  // the oldest peers leave the frame out
};
struct Schedule : ScheduleFields {};
struct Unschedule : ScheduleFields {};
struct Publish {
  Bytes topic;
  bool has_headers = false;  // client form; the publisher form has none
  Bytes headers;
  Bytes payload;
};
// A job that a worker still runs although its conversation with the broker ended.
struct HeldJob {
  Bytes request_id;
  uint32_t attempt = 0;
};
struct Inform {
  PeerKind kind = PeerKind::kWorker;
  std::vector<QueueWeight> queues;  // worker: empty means the broker's default queue
  bool has_capabilities = false;
  Capabilities capabilities;
  // Of a worker that said `resume`: the routing id it had before, and what it still runs from then.
  Bytes previous_id;
  std::vector<HeldJob> held;
};
struct Ready {};
struct ErrorMessage {
  Error error;
  Bytes offending_id;  // empty: not known
};
struct Cancel {
  Bytes request_id;
};
struct Progress {
  Bytes request_id;
  double fraction = 0;  // 0 to 1
  Bytes text;
};
// Administrative commands, answered by REPLY [JSON].
struct Hello {};
struct StatusQuery {};
struct ShowWorkers {};
struct ShowSchedulers {};
// Our own: `what` names the view ("queues", "jobs", …), `arguments` is a JSON object or empty. Answered by
// REPLY [JSON, id of this message], or ERROR.
struct Query {
  Bytes what;
  Bytes arguments;
};

using Body =
    std::variant<Ack, Heartbeat, Disconnect, Goodbye, Request, Reply, Schedule, Unschedule, Publish, Inform, Ready,
                 ErrorMessage, Cancel, Progress, Hello, StatusQuery, ShowWorkers, ShowSchedulers, Query>;

struct Message {
  Bytes id;  // the message's own unique id; for a REQUEST also the job's id
  Body body;
};

// The command's word on the wire ("REQUEST").
std::string_view command_word(const Body& body);

// The size of the largest frame with a user's text or bytes that a body has on the wire; 0 if it has none.
size_t largest_frame_bytes(const Body& body);

}  // namespace eventmq
