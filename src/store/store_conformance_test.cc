// What every Store must do, run against each of them. A new store adds its line to the list at the end.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <limits>
#include <memory>

#include "src/store/memory_store.h"
#include "src/store/sqlite_store.h"
#include "src/store/store.h"
#include "src/store/testing/modelled_history.h"
#include "src/store/testing/random_history.h"
#include "src/store/testing/wait_until.h"
#include "testing/store_model.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

struct StoreUnderTest {
  const char* name;  // of the test
  std::function<std::unique_ptr<Store>(const std::string& folder)> open;
};

class StoreConformanceTest : public testing::TestWithParam<StoreUnderTest> {
 protected:
  void reopen() {
    store_.reset();
    store_ = GetParam().open(folder_.path());
    last_commit_ = 0;
  }
  void submit(std::vector<JobRecord> records) { store_->submit(++last_commit_, std::move(records)); }

  std::vector<JobRecord> records(size_t count, size_t payload_bytes = 10) {
    std::vector<JobRecord> records;
    for (size_t i = 0; i < count; ++i) {
      JobAccepted job;
      job.key = next_key_++;
      job.id = Bytes("job-" + std::to_string(job.key));
      job.queue = Bytes::literal("default");
      job.payload = Bytes(std::string(payload_bytes, 'x'));
      records.push_back(std::move(job));
    }
    return records;
  }

  // Waits until everything submitted is kept.
  bool wait_for_commit() const {
    return wait_until([this] { return store_->committed() >= last_commit_; });
  }

  // The state that an earlier life left, as text.
  std::string recovered(Instant now) {
    const Result<StoredState> state = store_->recover(now);
    return state ? text_of(*state) : state.error().text;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_ = GetParam().open(folder_.path());
  CommitNumber last_commit_ = 0;
  JobKey next_key_ = 1;
};

TEST_P(StoreConformanceTest, NothingIsCommittedAtFirst) {
  EXPECT_EQ(store_->committed(), 0u);
  EXPECT_EQ(store_->health(), StoreHealth());
  EXPECT_EQ(recovered(Instant{}), text_of(StoredState()));
}

TEST_P(StoreConformanceTest, EveryCommitIsReachedInOrder) {
  CommitNumber seen = 0;
  for (CommitNumber commit = 1; commit <= 200; ++commit) {
    submit(records(1 + commit % 3));
    const CommitNumber now = store_->committed();
    EXPECT_GE(now, seen) << "what is kept was taken back";
    EXPECT_LE(now, commit) << "more is kept than was handed in";
    seen = now;
  }
  EXPECT_TRUE(wait_for_commit());
  EXPECT_EQ(store_->committed(), 200u);
}

TEST_P(StoreConformanceTest, EveryKindOfRecordIsTaken) {
  std::vector<JobRecord> all = records(1);
  all.push_back(AttemptStarted{1, Bytes("job-1"), 1, 1, Bytes("worker")});
  all.push_back(JobRequeued{1, Bytes("job-1"), 1, 1, 0, Instant{5}});
  all.push_back(AttemptStarted{1, Bytes("job-1"), 2, 2, Bytes("worker")});
  all.push_back(JobEnded{1, Bytes("job-1"), Bytes("default"), Outcome::kOk, 2, Instant{9}, false, Bytes()});
  all.push_back(IdRemembered{Bytes("merged"), Outcome::kOk, Instant{9}, true, Bytes("5")});
  submit(std::move(all));
  EXPECT_TRUE(wait_for_commit());
}

TEST_P(StoreConformanceTest, HasTheNameOfItsSetting) { EXPECT_FALSE(store_->name().empty()); }

// --- Those that keep what they are given ---

class DurableStoreConformanceTest : public StoreConformanceTest {};

TEST_P(DurableStoreConformanceTest, SaysSo) { EXPECT_TRUE(store_->durable()); }

TEST_P(DurableStoreConformanceTest, WhatWasSubmittedIsThereInTheNextLife) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    store_.reset();
    TemporaryFolder folder;
    store_ = GetParam().open(folder.path());
    last_commit_ = 0;
    RandomHistory history(seed);
    StoreModel model;
    for (int step = 0; step < 200; ++step) {
      std::vector<JobRecord> records = history.commit();
      model.apply(records);
      submit(std::move(records));
      if (history.prng().chance(20)) {
        ASSERT_TRUE(wait_for_commit());
      }
      if (!history.prng().chance(3)) continue;
      store_.reset();
      store_ = GetParam().open(folder.path());
      last_commit_ = 0;
      ASSERT_EQ(recovered(history.now()), text_of(model.state(history.now()))) << "seed " << seed << " step " << step;
    }
    store_.reset();
  }
}

// Claims of all kinds, from anywhere, answered as the model answers them.
BacklogClaim random_claim(Prng& prng, const StoreModel& model, Instant now) {
  const std::vector<StoredJob> jobs = model.backlog();
  BacklogClaim claim{.queue = Bytes::literal("default"), .priority = limits::kPriorityDefault, .now = now};
  if (!jobs.empty()) {
    const StoredJob& job = jobs[prng.below(jobs.size())];
    claim.queue = job.accepted.queue;
    claim.priority = job.accepted.headers.priority;
    claim.keys = {job.accepted.key};
    for (uint64_t more = prng.below(5); more > 0; --more) claim.keys.push_back(prng.below(job.accepted.key + 5));
    if (prng.chance(50)) claim.after = {job.due_at, job.accepted.key};
  }
  claim.which = static_cast<BacklogClaim::Which>(prng.below(3));
  claim.now = now + seconds(static_cast<int64_t>(prng.below(100)) - 50);
  claim.jobs = static_cast<uint32_t>(1 + prng.below(10));
  claim.bytes = prng.below(10'000);
  return claim;
}

TEST_P(DurableStoreConformanceTest, TheBacklogIsGivenBackAsItWasAfterTheCommitsBefore) {
  RandomHistory history(7);
  StoreModel model;
  std::vector<std::string> wanted;
  std::vector<std::string> given;
  const auto take = [&] {
    for (const BacklogClaimed& claimed : store_->take_claimed()) given.push_back(text_of(claimed));
    return given.size() == wanted.size();
  };
  for (int step = 0; step < 500; ++step) {
    std::vector<JobRecord> records = history.commit();
    model.apply(records);
    submit(std::move(records));
    if (!history.prng().chance(50)) continue;
    const BacklogClaim claim = random_claim(history.prng(), model, history.now());
    wanted.push_back(text_of(model.claim(claim)));
    store_->claim(claim);
    if (history.prng().chance(10)) {
      ASSERT_TRUE(wait_until(take));
    }
  }
  ASSERT_TRUE(wait_until(take));
  EXPECT_EQ(given, wanted);
}

TEST_P(DurableStoreConformanceTest, QuestionsAreAnsweredAsOfTheCommitsBefore) {
  RandomHistory history(8);
  StoreModel model;
  for (uint64_t number = 1; number <= 60; ++number) {
    for (int i = 0; i < 5; ++i) {
      std::vector<JobRecord> records = history.commit();
      model.apply(records);
      submit(std::move(records));
    }
    Prng& prng = history.prng();
    const std::vector<StoredJob> jobs = model.backlog();
    StoreQuestion question{.number = number, .after = last_commit_, .now = history.now()};
    if (!jobs.empty()) {
      const StoredJob& job = jobs[prng.below(jobs.size())];
      if (prng.chance(30)) question.id = job.accepted.id;
      if (prng.chance(30)) question.queue = job.accepted.queue;
      if (prng.chance(30)) question.behind = job.accepted.key;
    }
    if (prng.chance(30)) question.due = prng.chance(50);
    const std::vector<StoredEnd> ended = model.state(history.now(), {}).ended;
    for (uint64_t ids = prng.below(4); !ended.empty() && ids > 0; --ids) {
      question.ends.push_back(prng.chance(20) ? Bytes("nobody") : ended[prng.below(ended.size())].id);
    }
    const auto less = [](const Bytes& a, const Bytes& b) { return a.view() < b.view(); };
    std::sort(question.ends.begin(), question.ends.end(), less);
    question.ends.erase(std::unique(question.ends.begin(), question.ends.end()), question.ends.end());
    question.rows = static_cast<uint32_t>(1 + prng.below(20));
    question.visits = 1 + prng.below(40);
    store_->ask(question);
    std::vector<StoreAnswer> answers;
    ASSERT_TRUE(wait_until([&] { return !(answers = store_->take_answers()).empty(); }));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(text_of(answers[0]), text_of(model.answer(question)));
  }
}

// Questions for dead letters of all kinds, from anywhere.
DeadQuery random_dead_query(Prng& prng, const StoreModel& model, Instant now) {
  const std::vector<DeadLetter> letters = model.dead(ModelledHistory::all_letters()).letters;
  DeadQuery query;
  if (!letters.empty()) {
    const DeadLetter& letter = letters[prng.below(letters.size())];
    if (prng.chance(20)) query.id = letter.id;
    if (prng.chance(20)) query.queue = letter.queue;
    if (prng.chance(20)) query.name = letter.name;
    if (prng.chance(20)) query.cause = letter.cause;
    if (prng.chance(20)) query.after = letter.number;
    if (prng.chance(20)) query.from = letter.ended_at;
    if (prng.chance(20)) query.until = now - seconds(static_cast<int64_t>(prng.below(100)));
  }
  query.letters = static_cast<uint32_t>(1 + prng.below(30));
  query.payloads = prng.chance(50);
  query.bytes = prng.below(10'000);
  return query;
}

TEST_P(DurableStoreConformanceTest, DeadLettersAreKeptUntilTheyAreRemoved) {
  RandomHistory history(9);
  StoreModel model;
  for (uint64_t number = 1; number <= 60; ++number) {
    for (int i = 0; i < 10; ++i) {
      std::vector<JobRecord> records = history.commit();
      model.apply(records);
      submit(std::move(records));
    }
    StoreQuestion question{.number = number, .after = last_commit_};
    question.dead =
        number % 10 == 0 ? ModelledHistory::all_letters() : random_dead_query(history.prng(), model, history.now());
    store_->ask(question);
    std::vector<StoreAnswer> answers;
    ASSERT_TRUE(wait_until([&] { return !(answers = store_->take_answers()).empty(); }));
    EXPECT_EQ(text_of(answers[0]), text_of(model.answer(question)));
  }
  EXPECT_GT(model.dead(ModelledHistory::all_letters()).letters.size(), 20u);
}

TEST_P(DurableStoreConformanceTest, DeadLettersAreDroppedBeyondTheirWindowAndTheirNumber) {
  const Instant start{1'000'000'000};
  const auto letters = [&] {
    store_->ask({.number = 1, .after = last_commit_, .dead = ModelledHistory::all_letters()});
    std::vector<StoreAnswer> answers;
    EXPECT_TRUE(wait_until([&] { return !(answers = store_->take_answers()).empty(); }));
    return answers.empty() ? std::vector<DeadLetter>() : answers[0].dead.letters;
  };
  const auto end_one = [&](Outcome outcome, Instant at, size_t payload_bytes) {
    submit(records(1, payload_bytes));
    const JobKey key = next_key_ - 1;
    submit({JobEnded{key, Bytes("job"), Bytes("default"), outcome, 1, at, false, Bytes()}});
  };
  store_->set_retention({.dead_window = seconds(100), .dead_letters = 50});
  for (int64_t i = 0; i < 120; ++i) end_one(Outcome::kError, start + seconds(i) / 10, i % 2 == 0 ? 10 : 5000);
  const std::vector<DeadLetter> many = letters();
  ASSERT_EQ(many.size(), 50u);
  EXPECT_EQ(many.front().number, 71u);
  EXPECT_EQ(many.back().number, 120u);
  EXPECT_EQ(many.back().payload.size(), 5000u);
  end_one(Outcome::kOk, start + seconds(110), 10);
  ASSERT_EQ(letters().size(), 19u) << "what ends well drops those that are too old, too";
  end_one(Outcome::kOk, start + seconds(200), 10);
  EXPECT_TRUE(letters().empty());
}

TEST_P(DurableStoreConformanceTest, ResultsAreFoundUntilTheirTimeIsOver) {
  RandomHistory history(10);
  StoreModel model;
  size_t found = 0;
  for (uint64_t number = 1; number <= 200; ++number) {
    for (int i = 0; i < 3; ++i) {
      std::vector<JobRecord> records = history.commit();
      model.apply(records);
      submit(std::move(records));
    }
    Prng& prng = history.prng();
    StoreQuestion question{.number = number, .after = last_commit_, .now = history.now()};
    question.id = Bytes("result-" + std::to_string(prng.below(32)));
    question.visits = prng.below(3);
    question.result_bytes = prng.chance(50) ? prng.below(100) : std::numeric_limits<uint64_t>::max();
    store_->ask(question);
    std::vector<StoreAnswer> answers;
    ASSERT_TRUE(wait_until([&] { return !(answers = store_->take_answers()).empty(); }));
    EXPECT_EQ(text_of(answers[0]), text_of(model.answer(question)));
    found += answers[0].result ? 1 : 0;
  }
  EXPECT_GT(found, 50u);
}

TEST_P(DurableStoreConformanceTest, ResultsAreDroppedBeyondTheirNumberAndTheirBytes) {
  const Instant start{1'000'000'000};
  const auto end_one = [&](int number, size_t bytes) {
    submit(records(1));
    const JobKey key = next_key_ - 1;
    const Instant at = start + seconds(number);
    const Bytes id("r" + std::to_string(number));
    submit({JobEnded{key, id, Bytes("default"), Outcome::kOk, 1, at, false, Bytes()},
            ResultKept{id, Bytes("default"), Bytes("name"), Outcome::kOk, 1, at, at, at + seconds(1'000'000), Bytes(),
                       Bytes(std::string(bytes, 'v'))}});
  };
  const auto kept = [&](int number) {
    const Bytes id("r" + std::to_string(number));
    store_->ask({.after = last_commit_, .id = id, .now = start + seconds(1000), .visits = 0, .result_bytes = 0});
    std::vector<StoreAnswer> answers;
    EXPECT_TRUE(wait_until([&] { return !(answers = store_->take_answers()).empty(); }));
    return !answers.empty() && answers[0].result.has_value();
  };
  store_->set_retention({.results = 50, .result_bytes = 10'000});
  for (int i = 0; i < 120; ++i) end_one(i, 10);
  EXPECT_FALSE(kept(69));
  EXPECT_TRUE(kept(70));
  end_one(120, 9'900);
  EXPECT_FALSE(kept(109)) << "12 bytes more have come after it than are kept";
  EXPECT_TRUE(kept(112));
  end_one(121, 50'000);
  EXPECT_FALSE(kept(120));
  EXPECT_TRUE(kept(121)) << "the newest is kept, however large";
  store_->set_retention({.results = 0});
  end_one(122, 10);
  EXPECT_FALSE(kept(121));
  EXPECT_FALSE(kept(122));
}

TEST_P(DurableStoreConformanceTest, ResultsSurviveTheLifeInWhichTheyWereKept) {
  submit(records(1));
  submit({JobEnded{1, Bytes("job-1"), Bytes("default"), Outcome::kTimeout, 3, Instant{9}, false, Bytes()},
          ResultKept{Bytes("job-1"), Bytes("default"), Bytes("name"), Outcome::kTimeout, 3, Instant{5}, Instant{9},
                     Instant{100}, Bytes("history"), Bytes("value")}});
  reopen();
  ASSERT_TRUE(store_->recover(Instant{10}));
  const auto found_at = [&](Instant now) {
    store_->ask({.id = Bytes("job-1"), .now = now, .visits = 0, .result_bytes = 3});
    std::vector<StoreAnswer> answers;
    EXPECT_TRUE(wait_until([&] { return !(answers = store_->take_answers()).empty(); }));
    return answers.at(0).result;
  };
  const auto result = found_at(Instant{99});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->kept.outcome, Outcome::kTimeout);
  EXPECT_EQ(result->kept.attempts, 3u);
  EXPECT_EQ(result->kept.history, "history");
  EXPECT_EQ(result->kept.value, "val");
  EXPECT_EQ(result->value_bytes, 5u);
  EXPECT_FALSE(found_at(Instant{100}));
}

TEST_P(DurableStoreConformanceTest, AnAnswerIsToldOf) {
  std::atomic<int> told = 0;
  store_->call_on_change([&] { ++told; });
  store_->claim({.queue = Bytes::literal("nobody's")});
  ASSERT_TRUE(wait_until([&] { return told > 0; }));
  const std::vector<BacklogClaimed> claimed = store_->take_claimed();
  ASSERT_EQ(claimed.size(), 1u);
  EXPECT_EQ(claimed[0].claim.queue.view(), "nobody's");
  EXPECT_TRUE(claimed[0].jobs.empty());
  store_.reset();
}

TEST_P(DurableStoreConformanceTest, EachLifeHasAHigherFencingNumber) {
  uint64_t before = store_->fence();
  EXPECT_GT(before, 0u);
  for (int life = 0; life < 3; ++life) {
    reopen();
    EXPECT_GT(store_->fence(), before);
    before = store_->fence();
  }
}

TEST_P(DurableStoreConformanceTest, KeysGoOnBehindTheHighestEvenIfEveryJobHasEnded) {
  submit(records(3));
  for (JobKey key = 1; key <= 3; ++key) {
    submit({JobEnded{key, Bytes("job"), Bytes("default"), Outcome::kOk, 1, Instant{9}, false, Bytes()}});
  }
  reopen();
  const Result<StoredState> state = store_->recover(Instant{10});
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(state->last_key, 3u);
  EXPECT_TRUE(state->jobs.empty());
}

TEST_P(DurableStoreConformanceTest, EveryStoredJobIsGuaranteedWhateverItsOwnHeadersSay) {
  submit(records(1));
  reopen();
  const Result<StoredState> state = store_->recover(Instant{});
  ASSERT_TRUE(state) << state.error().text;
  ASSERT_EQ(state->jobs.size(), 1u);
  EXPECT_TRUE(state->jobs[0].accepted.headers.guarantee);
  EXPECT_EQ(state->jobs[0].accepted.headers.text.view(), "");
}

TEST_P(DurableStoreConformanceTest, IdsAreForgottenBeyondTheirWindowAndTheirNumber) {
  const Instant start{1'000'000'000};
  store_->set_retention({seconds(100), 50});
  for (int64_t i = 0; i < 200; ++i) {
    submit({IdRemembered{Bytes("id-" + std::to_string(i)), Outcome::kOk, start + seconds(i), false, Bytes()}});
  }
  reopen();
  store_->set_retention({seconds(100), 50});
  const Result<StoredState> many = store_->recover(start + seconds(199));
  ASSERT_TRUE(many) << many.error().text;
  ASSERT_EQ(many->ended.size(), 50u);
  EXPECT_EQ(many->ended.front().id.view(), "id-150");
  EXPECT_EQ(many->ended.back().id.view(), "id-199");
  const Result<StoredState> late = store_->recover(start + seconds(270));
  ASSERT_TRUE(late) << late.error().text;
  ASSERT_EQ(late->ended.size(), 29u) << "an id is known for less than the window";
  EXPECT_EQ(late->ended.front().id.view(), "id-171");
}

TEST_P(DurableStoreConformanceTest, TheLargestPayloadAndResultAreKept) {
  std::string large(limits::kFrameBytesDefault, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 + i / 251);
  std::vector<JobRecord> two = records(2);
  std::get<JobAccepted>(two[0]).payload = Bytes(large);
  submit(std::move(two));
  submit({AttemptStarted{1, Bytes("job-1"), 1, 0, Bytes("w")}});
  submit({JobEnded{2, Bytes("job-2"), Bytes("default"), Outcome::kOk, 1, Instant{5}, true, Bytes(large)}});
  reopen();
  const Result<StoredState> state = store_->recover(Instant{6});
  ASSERT_TRUE(state) << state.error().text;
  ASSERT_EQ(state->jobs.size(), 1u);
  EXPECT_TRUE(state->jobs[0].accepted.payload.view() == large);
  EXPECT_TRUE(state->jobs[0].running);
  ASSERT_EQ(state->ended.size(), 1u);
  EXPECT_TRUE(state->ended[0].result.view() == large);
}

// --- The stores ---

std::string test_name(const testing::TestParamInfo<StoreUnderTest>& store) { return store.param.name; }

const StoreUnderTest kMemory = {"Memory", [](const std::string&) { return std::make_unique<MemoryStore>(); }};
const StoreUnderTest kSqlite = {"Sqlite", [](const std::string& folder) -> std::unique_ptr<Store> {
                                  auto opened = SqliteStore::open({.data_dir = folder});
                                  EMQ_ASSERT(opened.has_value(), "{}", opened.error().text);
                                  return std::move(*opened);
                                }};
// Two commits or a few bytes fill a batch, and the log is moved to the database again and again.
const StoreUnderTest kSmallBatches = {"SqliteInSmallBatches", [](const std::string& folder) -> std::unique_ptr<Store> {
                                        SqliteStoreOptions options{
                                            .data_dir = folder, .batch_records = 7, .batch_bytes = 5'000};
                                        options.file.checkpoint_frames = 5;
                                        auto opened = SqliteStore::open(options);
                                        EMQ_ASSERT(opened.has_value(), "{}", opened.error().text);
                                        return std::move(*opened);
                                      }};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformanceTest, testing::Values(kMemory, kSqlite, kSmallBatches), test_name);
INSTANTIATE_TEST_SUITE_P(Stores, DurableStoreConformanceTest, testing::Values(kSqlite, kSmallBatches), test_name);

}  // namespace
}  // namespace eventmq
