// The seam to whatever makes guaranteed jobs durable. Asynchronous: submit() hands records over, and later
// committed() tells how far they are durable, so that one sync covers everything that gathered meanwhile.
//
// One thread uses a Store. Records are kept in the order of their commits.
#pragma once

#include <string_view>
#include <vector>

#include "src/wire/job_record.h"

namespace eventmq {

class Store {
 public:
  virtual ~Store() = default;

  // Takes the records of one commit; commit numbers rise by one from 1. The store must not lose or reorder them.
  virtual void submit(CommitNumber commit, std::vector<JobRecord> records) = 0;
  // Everything up to this commit is as durable as this store makes it.
  virtual CommitNumber committed() const = 0;
  // True if what is committed survives the end of the process.
  virtual bool durable() const = 0;
  // The name of the setting's value ("memory").
  virtual std::string_view name() const = 0;
};

}  // namespace eventmq
