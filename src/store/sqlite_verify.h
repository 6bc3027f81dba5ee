// Checks the file of a store without changing it, beside a router or without one (src/store/sqlite_reading.h says how):
// that it is ours and whole, that every row is read as a router reads it at its start, and that no job is missing from
// the counts. One transaction, so all of it is of one moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/result.h"

namespace eventmq {

struct VerifyOptions {
  std::string data_dir;
  bool quick = false;  // leaves out that indexes agree with their tables
};

struct StoreProblem {
  std::string check;  // the word for what was checked: "file", "pages", "tables", "meta", "rows", "counts", "lanes", …
  std::string text;   // one line: what is wrong, and what mends it

  bool operator==(const StoreProblem&) const = default;
};

struct StoreReport {
  std::string path;    // of the file
  bool found = false;  // false: no router has made it yet, so there is nothing to verify
  int64_t version = 0;
  int64_t epoch = 0;  // how many routers have opened it
  int64_t queues = 0;
  int64_t jobs = 0;  // that can be read
  int64_t running = 0;
  int64_t backlog = 0;          // those that no router holds in memory
  int64_t dead = 0;             // dead letters
  int64_t dead_dropped = 0;     // ever, before their time
  int64_t results = 0;          // that are kept, or whose time is over and which have not been deleted yet
  int64_t results_dropped = 0;  // ever, before their time
  int64_t ended = 0;            // ids that are remembered
  uint64_t bytes = 0;
  uint64_t log_bytes = 0;
  std::vector<StoreProblem> problems;
  int64_t left_out = 0;  // further problems: of each check the first 20 are told
};

// Memory does not grow with the number of jobs. A file on which nothing can be read is a problem, not an error.
StoreReport verify_store(const VerifyOptions& options);

}  // namespace eventmq
