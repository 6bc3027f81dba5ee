// The rules of durability: the records of a guaranteed job tell its life in order, other jobs have none, and
// nothing about a guaranteed job leaves the broker before what it says is durable.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/world.h"
#include "src/broker/broker.h"

namespace eventmq::sim {

class CommitBook {
 public:
  explicit CommitBook(World& world) : world_(world) {}

  // What an earlier life left is durable.
  void restore(const StoredState& state, const std::vector<StoredJob>& backlog);
  void record(const JobRecord& record, CommitNumber commit);
  // A guaranteed job, whether it has ended or not.
  bool knows(std::string_view id) const { return lives_.contains(id); }

  // A claim by keys brings these: they leave the backlog by a record, and have not run.
  void claimed_by_keys(const std::vector<StoredJob>& jobs);

  // While it is not, an attempt may begin before it is recorded, of a job that is.
  bool store_available = true;
  // The commit that must be durable before this may leave, by the rules; call it once the step's records
  // have been told.
  CommitNumber needed(const Send& send) const;

 private:
  struct Life {
    CommitNumber accepted = 0;
    CommitNumber last = 0;
    uint32_t attempt = 0;
    bool running = false;
    bool may_requeue = false;  // though it does not run: claimed by its key, or it ran before a restart
    bool ended = false;
  };

  void add(const JobAccepted& record, CommitNumber commit);
  void add(const AttemptStarted& record, CommitNumber commit);
  void add(const JobRequeued& record, CommitNumber commit);
  void add(const JobEnded& record, CommitNumber commit);
  void add(const IdRemembered&, CommitNumber) {}
  void add(const DeadLetterRemoved&, CommitNumber) {}
  void add(const ResultKept&, CommitNumber) {}
  void add(const ResultRemoved&, CommitNumber) {}
  Life* life_of(const Bytes& id, CommitNumber commit);
  const Life* find(std::string_view request_id) const;

  World& world_;
  std::map<std::string, Life, std::less<>> lives_;
};

}  // namespace eventmq::sim
