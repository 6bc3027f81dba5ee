// What a batch of records comes to: for each job one change, for each queue one sum. A job that is accepted and ends
// within a batch never gets a row; one that is accepted and started gets it once.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/wire/job_record.h"

namespace eventmq {

// Everything refers to the records of the batch, which must outlive it.
struct JobChange {
  JobKey key = 0;
  const JobAccepted* accepted = nullptr;  // null: it has a row already
  const JobEnded* ended = nullptr;
  const AttemptStarted* started = nullptr;  // the last one
  const JobRequeued* requeued = nullptr;    // the last one
  size_t queue = 0;                         // index into queues(); valid if accepted or ended
  bool backlog = false;                     // by the last record that says so
  // After the last of `started` and `requeued`, if there was one.
  bool running = false;
  uint32_t attempt = 0;
  uint32_t losses = 0;
};
struct QueueChange {
  std::string_view name;
  int64_t accepted = 0;
  int64_t done = 0;
  int64_t dead = 0;
  int64_t expired = 0;
  int64_t cancelled = 0;
};
// A job that ended, or an id that is remembered like one.
struct EndChange {
  std::string_view id;
  Outcome outcome = Outcome::kOk;
  Instant ended_at;
  bool reply_wanted = false;
  std::string_view result;
};

// Either a result, or the id of one that goes.
struct ResultChange {
  const ResultKept* kept = nullptr;
  std::string_view removed;
};

class BatchChanges {
 public:
  // In the order they happened.
  void add(const JobRecord& record);

  const std::vector<JobChange>& jobs() const { return jobs_; }  // by first mention
  const std::vector<QueueChange>& queues() const { return queues_; }
  const std::vector<EndChange>& ended() const { return ended_; }  // in order
  // Indexes into jobs(): those that become dead letters, in the order of death.
  const std::vector<size_t>& deaths() const { return deaths_; }
  const std::vector<JobKey>& letters_removed() const { return letters_removed_; }
  const std::vector<ResultChange>& results() const { return results_; }  // in order
  JobKey last_key() const { return last_key_; }                          // the highest accepted; 0 if none

 private:
  void add(const JobAccepted& record);
  void add(const AttemptStarted& record);
  void add(const JobRequeued& record);
  void add(const JobEnded& record);
  void add(const IdRemembered& record);
  void add(const DeadLetterRemoved& record) { letters_removed_.push_back(record.key); }
  void add(const ResultKept& record) { results_.push_back({.kept = &record}); }
  void add(const ResultRemoved& record) { results_.push_back({.removed = record.id.view()}); }
  JobChange& change_of(JobKey key);
  size_t queue_index(std::string_view name);

  std::vector<JobChange> jobs_;
  std::vector<QueueChange> queues_;
  std::vector<EndChange> ended_;
  std::vector<size_t> deaths_;
  std::vector<JobKey> letters_removed_;
  std::vector<ResultChange> results_;
  std::unordered_map<JobKey, size_t> job_indexes_;
  std::unordered_map<std::string_view, size_t> queue_indexes_;
  JobKey last_key_ = 0;
};

}  // namespace eventmq
