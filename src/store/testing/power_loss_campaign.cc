#include "src/store/testing/power_loss_campaign.h"

#include <fmt/format.h>

#include <limits>

namespace eventmq {
namespace {

constexpr CommitNumber kCommits = 24;
constexpr unsigned kPercentOfOperations = 40;  // after which an image is made: of many runs some rather than of few all

// Opens disks with a sound store, and looks at what it gives back.
class ImageChecker {
 public:
  ImageChecker() {
    options_.data_dir = folder_.path();
    options_.file.vfs = vfs_.name();
  }

  Result<CommitNumber> check(const DiskFiles& files, const ModelledHistory& history, CommitNumber told);

 private:
  Result<CommitNumber> recover(const ModelledHistory& history, CommitNumber told);
  Result<void> check_file(const ModelledHistory& history, CommitNumber commit);
  Result<void> check_results(SqliteDatabase& file, const ModelledHistory& history, CommitNumber commit);

  MemoryVfs vfs_;
  TemporaryFolder folder_{TemporaryFolder::quick_place()};
  SqliteStoreOptions options_;
};

uint64_t size_of(const DiskFiles& files, const std::string& name) {
  const auto file = files.find(name);
  return file == files.end() ? 0 : file->second.size();
}

Result<CommitNumber> ImageChecker::check(const DiskFiles& files, const ModelledHistory& history, CommitNumber told) {
  // What check_files() would see on a true disk.
  if (size_of(files, "eventmq.db") == 0 && size_of(files, "eventmq.db-wal") > 0) {
    return fail(ErrorCode::kStoreUnavailable, "it does not open: the database is empty or gone but its log is not");
  }
  vfs_.set_files(files);
  Result<CommitNumber> found = recover(history, told);
  if (!found) return found;
  return check_file(history, *found).map([&] { return *found; });
}

Result<CommitNumber> ImageChecker::recover(const ModelledHistory& history, CommitNumber told) {
  const auto store = SqliteStore::open(options_);
  if (!store) return fail(store.error().code, "it does not open: " + store.error().text);
  (*store)->set_retention(ModelledHistory::kEverything);
  const Result<StoredState> state = (*store)->recover(history.now);
  if (!state) return fail(state.error().code, "it cannot be read: " + state.error().text);
  return commit_of(*state, history, told);
}

// That it is sound, and has the dead letters and results that it had then.
Result<void> ImageChecker::check_file(const ModelledHistory& history, CommitNumber commit) {
  auto file = SqliteDatabase::open(folder_.file("eventmq.db"), vfs_.name());
  if (!file) return tl::unexpected(file.error());
  const Result<std::string> integrity = file->text("PRAGMA integrity_check");
  if (!integrity) return tl::unexpected(integrity.error());
  if (*integrity != "ok") return fail(ErrorCode::kStoreUnavailable, "the file is damaged: " + *integrity);
  const Result<DeadLetters> found = read_dead_letters(*file, ModelledHistory::all_letters());
  if (!found) return tl::unexpected(found.error());
  const std::string& letters = history.letters[commit];
  if (text_of(*found) == letters) return check_results(*file, history, commit);
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("it has other dead letters:\n{}instead of:\n{}", text_of(*found), letters));
}

// Those whose time is over may be there or not.
Result<void> ImageChecker::check_results(SqliteDatabase& file, const ModelledHistory& history, CommitNumber commit) {
  Result<void> read;
  const std::string results = history.results_text([&](const Bytes& id) -> std::optional<FoundResult> {
    Result<std::optional<FoundResult>> found = read_result(file, id, history.now, std::numeric_limits<uint64_t>::max());
    if (found) return *std::move(found);
    read = tl::unexpected(found.error());
    return std::nullopt;
  });
  if (!read || results == history.results[commit]) return read;
  return fail(ErrorCode::kStoreUnavailable,
              fmt::format("it has other results:\n{}instead of:\n{}", results, history.results[commit]));
}

// Looks at disks that one run may leave. Returns the first complaint.
std::string look_at_images(const ModelledHistory& history, const DiskRecording& recording, uint64_t seed,
                           uint64_t images_wanted, ImageChecker& checker, PowerLossResult& result) {
  DiskReplay replay(recording, seed);
  Prng prng(seed);
  do {
    if (!prng.chance(kPercentOfOperations)) continue;
    const CommitNumber told = recording.told_after(replay.operations_done());
    const Result<CommitNumber> found = checker.check(replay.lose_power(prng), history, told);
    ++result.images;
    if (!found) return fmt::format("after operation {}: {}", replay.operations_done(), found.error().text);
    result.images_told += told > 0;
    result.images_ahead += *found > told;
  } while (replay.step() && result.images < images_wanted);
  return {};
}

}  // namespace

PowerLossResult run_campaign(const PowerLossCampaign& campaign) {
  PowerLossResult result;
  ImageChecker checker;
  for (uint64_t seed = campaign.seed; result.images < campaign.images && result.complaint.empty(); ++seed) {
    const ModelledHistory history(seed, kCommits);
    PowerLossRun run(history, seed, campaign.sabotage);
    std::string complaint = run.run();
    if (complaint.empty()) {
      complaint = look_at_images(history, run.recording(), seed, campaign.images, checker, result);
    }
    if (!complaint.empty()) result.complaint = fmt::format("seed {}: {}", seed, complaint);
    ++result.runs;
  }
  return result;
}

}  // namespace eventmq
