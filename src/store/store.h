// The seam to whatever makes guaranteed jobs durable. Asynchronous: submit() hands records over, and later
// committed() tells how far they are durable, so that one sync covers everything that gathered meanwhile.
//
// One thread uses a Store: recover() once, then submit() and the questions. Records are kept in the order of their
// commits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/wire/job_record.h"
#include "src/wire/store_question.h"

namespace eventmq {

// Whether the store can make anything durable now.
struct StoreHealth {
  bool available = true;
  std::string text;  // when it is not: what is wrong, and what mends it, as a sentence for a person

  bool operator==(const StoreHealth&) const = default;
};

struct OpenedStore;

class Store {
 public:
  virtual ~Store() = default;

  // Whom to call, on any thread, when committed() has risen, health() has changed, a claim or a question is answered or
  // take_opened() gives something. Before recover(); it must be quick, and is not called any more once the store's
  // destructor has ended.
  virtual void call_on_change(std::function<void()> on_change) = 0;

  // What an earlier life left. Called once, before anything is submitted.
  virtual Result<StoredState> recover(Instant now) = 0;
  // Of one that stands in for a store that could not be opened (late_store.h): that store, once it is open. The user
  // goes on with it, and this one has ended.
  virtual std::optional<OpenedStore> take_opened();

  // Takes records to be made durable together, with all that the commits up to this one have; commit numbers rise from
  // 1, in each life. The store must not lose or reorder them.
  virtual void submit(CommitNumber commit, std::vector<JobRecord> records) = 0;
  // Everything up to this commit is as durable as this store makes it. Never falls, and never tells of a commit that a
  // failure may have lost: while the store is not available it stands still, and goes on once the fault is mended and
  // everything that was submitted is durable after all.
  virtual CommitNumber committed() const = 0;
  // Asks for jobs of the backlog, as they are after every commit that was submitted before. The answer is among
  // take_claimed() later, after on_change; while the store is not available it is not there yet. Reads only: a job
  // leaves the backlog by its next record.
  virtual void claim(BacklogClaim claim) = 0;
  // The answers that have come since this was last called, in the order of the claims.
  virtual std::vector<BacklogClaimed> take_claimed() = 0;

  // Asks what people want to know. Slower than a claim, and holds up neither commits nor claims. The answer is among
  // take_answers() later, after on_change.
  virtual void ask(StoreQuestion question) = 0;
  virtual std::vector<StoreAnswer> take_answers() = 0;

  // While it is not available, what is submitted still waits here and is made durable later; the broker takes no new
  // guaranteed jobs meanwhile.
  virtual StoreHealth health() const = 0;
  virtual void set_retention(Retention limits) = 0;

  // The fencing number of this life: higher than that of every life before it on the same data, whichever router had
  // it. Once a younger life has opened the store, it takes nothing more of an older one and tells it nothing. Every
  // record, claim and answer of this object is under this number, so none carries it. 0: no other router can come to
  // the data.
  virtual uint64_t fence() const { return 0; }
  // True if what is committed survives the end of the process.
  virtual bool durable() const = 0;
  // The name of the setting's value ("memory").
  virtual std::string_view name() const = 0;
};

// A store that recover() was called of, and what that gave.
struct OpenedStore {
  std::unique_ptr<Store> store;
  StoredState state;
};

inline std::optional<OpenedStore> Store::take_opened() { return std::nullopt; }

}  // namespace eventmq
