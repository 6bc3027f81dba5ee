// What a store must give back: the records applied one by one, in the plainest way, to tables in memory. Durable stores
// are compared with it, and it stands in for a disk in tests and in the simulator.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/wire/job_record.h"
#include "src/wire/store_question.h"

namespace eventmq {

class StoreModel {
 public:
  // A record of a job that is not there changes nothing: whoever makes records must see to it that there is none.
  void apply(const JobRecord& record);
  void apply(const std::vector<JobRecord>& records) {
    for (const JobRecord& record : records) apply(record);
  }
  StoredState state(Instant now, Retention limits = {}) const;
  BacklogClaimed claim(const BacklogClaim& claim) const;
  StoreAnswer answer(const StoreQuestion& question) const;
  // Of the jobs of the backlog, by key.
  std::vector<StoredJob> backlog() const;
  DeadLetters dead(const DeadQuery& query) const;
  // By id, whether their time is over or not.
  const std::map<std::string, ResultKept>& results() const { return results_; }

 private:
  struct Row {
    StoredJob job;
    bool backlog = false;
    Bytes reply_to;
  };
  void add(const JobAccepted& record);
  void add(const AttemptStarted& record);
  void add(const JobRequeued& record);
  void add(const JobEnded& record);
  void add(const IdRemembered& record);
  void add(const DeadLetterRemoved& record);
  void add(const ResultKept& record) { results_[record.id.str()] = record; }
  void add(const ResultRemoved& record) { results_.erase(record.id.str()); }

  static StoredJob stored(const Row& row);
  void add_lanes(StoredQueue& queue) const;
  std::optional<FoundResult> result(const StoreQuestion& question) const;
  void claim_keys(BacklogClaimed& claimed) const;
  static bool is_asked_for(const Row& row, const BacklogClaim& claim);

  std::map<JobKey, Row> jobs_;
  std::vector<StoredQueue> queues_;  // by first mention
  std::vector<StoredEnd> ended_;
  std::vector<DeadLetter> dead_;  // in order of death
  uint64_t deaths_ = 0;
  std::map<std::string, ResultKept> results_;
  JobKey last_key_ = 0;
};

// One line for each thing, so that two states can be compared and their difference read.
std::string text_of(const StoredState& state);
std::string text_of(const BacklogClaimed& claimed);
std::string text_of(const StoreAnswer& answer);
std::string text_of(const DeadLetters& letters);
std::string text_of(const FoundResult& result);

}  // namespace eventmq
