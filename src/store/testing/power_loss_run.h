// One run of the store over a random history, recorded: several lives of it, which end in order, killed in the middle
// of anything, or by a loss of power, or which go on when another router has taken their place; batches of several
// commits; checkpoints; at times a call that fails, and somebody else who reads in the file.
//
// A commit must not be lost from the moment when committed() says so, and neither one that recover() has given back.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "src/base/prng.h"
#include "src/store/sqlite_database.h"
#include "src/store/sqlite_store.h"
#include "src/store/testing/disk_recording.h"
#include "src/store/testing/memory_vfs.h"
#include "src/store/testing/modelled_history.h"
#include "testing/temporary_folder.h"

namespace eventmq {

// What is wrong with the store on purpose.
struct PowerLossSabotage {
  IgnoredSyncs ignored;
  bool tells_early = false;  // when a batch is handed over, not when it is durable
  bool unfenced = false;     // the file does not tell its routers apart
};

class PowerLossRun {
 public:
  // The same seed makes the same recording: from run() until the end of this, SQLite draws
  // its random numbers from it.
  PowerLossRun(const ModelledHistory& history, uint64_t seed, PowerLossSabotage sabotage);
  ~PowerLossRun();
  PowerLossRun(const PowerLossRun&) = delete;
  PowerLossRun& operator=(const PowerLossRun&) = delete;

  // Lives until the history is done. Empty: all was well. Else what was not.
  std::string run();
  const DiskRecording& recording() const { return recording_; }

 private:
  enum class Ending { kInOrder, kKilled, kPowerLost, kReplaced };

  void choose_fault();
  std::string live(Ending ending);
  std::string recover(SqliteStore& store);
  static void wait_until_idle(SqliteStore& store);
  std::string let_older_go_on();
  std::string write(SqliteStore& store, CommitNumber goal);
  void submit_group(SqliteStore& store, CommitNumber goal);
  void let_somebody_read(bool store_is_well);
  void end_reading();
  void lose_power();

  const ModelledHistory& history_;
  const PowerLossSabotage sabotage_;
  const int sqlite_seed_;
  Prng prng_;
  DiskRecording recording_;
  MemoryVfs vfs_;
  TemporaryFolder folder_{TemporaryFolder::quick_place()};
  SqliteStoreOptions options_;
  CommitNumber recovered_ = 0;  // of the history, at the beginning of this life
  CommitNumber submitted_ = 0;
  CommitNumber told_ = 0;
  const bool somebody_reads_;               // at times
  std::optional<SqliteDatabase> somebody_;  // who has the file open. Before vfs_ goes
  bool is_reading_ = false;
  // One that was replaced, in whose life there were so many commits. Before vfs_ goes.
  std::unique_ptr<SqliteStore> older_;
  CommitNumber older_commits_ = 0;
};

// The number of commits that the store holds, from `told` on; or what is wrong with it.
Result<CommitNumber> commit_of(const StoredState& state, const ModelledHistory& history, CommitNumber told);

}  // namespace eventmq
