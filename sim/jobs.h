// The jobs of a simulation: what each asks of the broker and what its handler does. Handlers are looked up by
// the job's id, so that every worker that runs a job runs the same handler.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/world.h"
#include "src/wire/messages.h"

namespace eventmq::sim {

// What a job's handler does on the attempt with a given number.
struct Handler {
  Duration runs = milliseconds(10);
  uint32_t failing_attempts = 0;  // the first so many end with `failure`, the others well
  Outcome failure = Outcome::kError;
  uint32_t killing_attempts = 0;  // the first so many take their job manager down
  bool reports_progress = false;
};

struct JobSpec {
  std::string id;
  std::string queue;
  std::string headers;
  Handler handler;
};

class Jobs {
 public:
  explicit Jobs(World& world) : world_(world) {}

  // Draws a new job; `maker` begins its id.
  const JobSpec& draw(std::string_view maker);
  // An id that is not used yet, for a job with an ordinary handler.
  std::string new_id(std::string_view maker);
  Handler handler_of(std::string_view request_id) const;
  // A worker begins to run an attempt that it was given by the broker's start with this number. Each attempt
  // is begun once, and a plain job is begun once.
  void begun(std::string_view request_id, uint32_t attempt, bool plain, uint64_t broker_life);
  // Any id ever drawn; empty if there are none.
  std::string any_id();
  const std::vector<std::string>& queues() const { return queues_; }

 private:
  std::string draw_headers();
  static void add_result_ttl(JobSpec& spec);
  Handler draw_handler();

  World& world_;
  std::vector<std::string> queues_{"default", "heavy", "mail"};
  std::map<std::string, JobSpec, std::less<>> specs_;
  std::vector<std::string> ids_;
  std::map<std::pair<std::string, uint64_t>, std::set<uint32_t>> begun_;  // attempts, by job and broker's life
  uint64_t next_number_ = 1;
};

// The id of a job as its client knows it: a worker of the published protocol gets later attempts under
// the job's id followed by '~' and the attempt.
std::string_view job_id_of(std::string_view request_id);

// What a handler that went well returns; names job and attempt, so that a reply can be traced to its origin.
std::string handler_value(std::string_view request_id, uint32_t attempt);

}  // namespace eventmq::sim
