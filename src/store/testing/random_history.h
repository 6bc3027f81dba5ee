// Commits as a broker makes them, from a seed: jobs of all kinds are accepted, started, requeued and ended, dead
// letters removed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/base/prng.h"
#include "src/wire/job_record.h"

namespace eventmq {

class RandomHistory {
 public:
  explicit RandomHistory(uint64_t seed) : prng_(seed), result_prng_(~seed) {}

  // The records of one commit: one to five, and what becomes of results besides.
  std::vector<JobRecord> commit();
  // Never before what the commits so far speak of.
  Instant now() const { return now_; }
  Prng& prng() { return prng_; }

 private:
  struct Live {
    Bytes id;
    Bytes queue;
    uint8_t priority = 0;
    bool running = false;
    uint32_t attempt = 0;
    uint32_t retries_used = 0;
    uint32_t losses = 0;
  };

  void add_record(std::vector<JobRecord>& records);
  JobAccepted accept();
  JobRecord start(JobKey key, Live& job);
  JobRecord requeue(JobKey key, Live& job);
  JobRecord end(JobKey key);
  DeadLetterRemoved remove_letter();
  IdRemembered remember();
  void change_results(std::vector<JobRecord>& records);
  Bytes random_bytes() { return random_bytes(prng_); }
  static Bytes random_bytes(Prng& prng);
  Bytes random_text();

  Prng prng_;
  Prng result_prng_;  // apart, so that jobs have the same history with results and without
  Instant now_{1'700'000'000'000'000};
  JobKey last_key_ = 0;
  std::map<JobKey, Live> live_;
  std::vector<JobKey> dead_;
};

}  // namespace eventmq
