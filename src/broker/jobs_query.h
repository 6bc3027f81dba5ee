// The arguments of the questions and orders about jobs (QUERY, docs/protocol.md): which jobs are meant, and which page
// of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "src/broker/broker.h"
#include "src/broker/job.h"
#include "src/wire/job_record.h"
#include "src/wire/limits.h"
#include "src/wire/store_question.h"

namespace eventmq {

// Where a page of jobs begins: those in memory come first, by their slots, then those in the store alone, by their
// keys.
struct JobsPlace {
  bool in_store = false;
  uint64_t at = 0;  // the slot of the first one; in the store: the key that they are behind

  // As peers write it, "m17" or "s17". To them it has no meaning.
  static std::optional<JobsPlace> read(std::string_view text);
  std::string text() const;
};

struct JobsQuery {
  std::string id;
  std::string queue, state, name;  // empty: any
  Duration older_than{};           // accepted at least so long ago
  bool all = false;                // said, so that no filter is no mistake
  size_t limit = 100;
  JobsPlace after;

  // `text` is a JSON object or empty. Errors: kBadValue, kTooLarge.
  static Result<JobsQuery> parse(std::string_view text);

  bool has_filter() const { return !queue.empty() || !state.empty() || !name.empty() || older_than.us > 0; }
  // So many slots, or rows of the store, may be looked at for one page: names are read from the messages.
  size_t visits() const { return name.empty() ? limits::kListingVisits : limits::kListingNamesRead; }
  bool fits(const Job& job, std::string_view state_word, Instant now) const;
  // One of those that the store gave for question().
  bool fits(const ListedJob& listed, Instant now) const;

  // Whether any job in the store alone can fit, and what to ask for `rows` of them.
  bool may_be_in_store() const { return state != "running"; }
  StoreQuestion question(size_t rows) const;
};

}  // namespace eventmq
