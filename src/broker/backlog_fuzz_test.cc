// Guaranteed jobs in a small window over a store that answers when it likes, with people who change them by ids and by
// filters, from a seed. In the end each job that was accepted has had one reply, and the store holds none.
#include <map>

#include "src/base/prng.h"
#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

constexpr auto kBacklogQueues = std::to_array<const char*>({"q1", "q2"});
constexpr auto kBacklogHeaders =
    std::to_array<const char*>({"", ",delay:1", ",delay:3", ",priority:9", ",priority:9,delay:2", ",expires:2",
                                ",retry-count:1,backoff:2", ",unique:k"});
constexpr auto kOrders = std::to_array<const char*>({"cancel", "jobs-retry", "jobs-delete"});
constexpr auto kFilters = std::to_array<const char*>(
    {R"("all": true)", R"("queue": "q1")", R"("queue": "q2", "state": "delayed")", R"("state": "waiting")",
     R"("state": "delayed")", R"("older_than": 1)", R"("name": "math.add")", R"("name": "other")"});

class BacklogFuzz {
 public:
  explicit BacklogFuzz(uint64_t seed) : prng_(seed), broker_(settings(), seed) {
    broker_.worker("w1", {{10, "q1"}, {10, "q2"}});
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      look();
    }
    finish();
  }
  // What is wrong in the end; empty if nothing is.
  std::string fault() {
    std::string text;
    for (const auto& [id, replies] : replies_) {
      if (replies != 1) text += fmt::format("{} has {} replies\n", id, replies);
    }
    const StoredState state = disk_.state(broker_.now());
    if (!state.jobs.empty() || !disk_.backlog().empty()) {
      text += fmt::format("{} and {} jobs are in the store\n", state.jobs.size(), disk_.backlog().size());
    }
    return text;
  }
  uint64_t changed() const { return changed_; }
  uint64_t claimed() const { return claimed_; }

 private:
  static BrokerSettings settings() {
    BrokerSettings settings;
    settings.store_durable = true;
    settings.window_jobs = 3;
    return settings;
  }
  template <class List>
  std::string any(const List& list) {
    return list[prng_.below(list.size())];
  }

  void act() {
    const uint64_t dice = prng_.below(100);
    if (dice < 30) return accept();
    if (dice < 45) return serve_one();
    if (dice < 55) return broker_.ready("w1");
    if (dice < 70) return settle();
    if (dice < 80) return broker_.wait(milliseconds(static_cast<int64_t>(prng_.below(1500))));
    if (dice < 88) return order_one();
    order_many();
  }

  void accept() {
    const std::string id = fmt::format("j{}", ++accepted_);
    replies_[id] = 0;
    const char* payload = prng_.chance(50) ? R"(["run", {"path": "math", "callable": "add"}])" : R"(["run", {}])";
    broker_.request("c1", id, "guarantee,reply-requested" + any(kBacklogHeaders), any(kBacklogQueues), payload);
  }
  void settle() {
    if (running_.empty()) return;
    const auto job = std::next(running_.begin(), static_cast<ptrdiff_t>(prng_.below(running_.size())));
    const auto [id, attempt] = *job;
    running_.erase(job);
    broker_.settle("w1", id, attempt, prng_.chance(80) ? Outcome::kOk : Outcome::kError);
  }
  void order_one() { broker_.query(any(kOrders), fmt::format(R"({{"id": "j{}"}})", 1 + prng_.below(accepted_ + 1))); }
  // A new order, or the next page of one.
  void order_many() {
    const std::string after = next_.empty() ? "" : fmt::format(R"(, "after": "{}")", next_);
    if (next_.empty()) filters_ = {any(kOrders), any(kFilters)};
    next_.clear();
    broker_.query(filters_.first, "{" + filters_.second + after + "}");
  }

  // The store keeps what it is given; of what it is asked it answers one thing.
  void serve_one() {
    disk_.apply(broker_.records());
    for (StoreQuestion& question : broker_.questions()) questions_.push_back(std::move(question));
    for (BacklogClaim& claim : broker_.claims()) claims_.push_back(std::move(claim));
    if (!questions_.empty() && (claims_.empty() || prng_.chance(50))) {
      const StoreQuestion question = questions_.front();
      questions_.erase(questions_.begin());
      broker_.step(disk_.answer(question));
    } else if (!claims_.empty()) {
      const BacklogClaim claim = claims_.front();
      claims_.erase(claims_.begin());
      BacklogClaimed answer = disk_.claim(claim);
      if (claim.which == BacklogClaim::Which::kKeys) claimed_ += answer.jobs.size();
      broker_.step(std::move(answer));
    }
  }

  void look() {
    for (const Send& send : broker_.sends()) {
      if (const auto* request = std::get_if<Request>(&send.message.body)) {
        running_[send.message.id.str()] = request->attempt;
      } else if (const auto* reply = std::get_if<Reply>(&send.message.body)) {
        if (send.peer == "c1") ++replies_.at(reply->request_id.str());
        if (send.peer == "admin") note(reply->payload.str());
      }
    }
  }
  void note(const std::string& answer) {
    const size_t next = answer.find(R"("next": ")");
    if (next != std::string::npos) next_ = answer.substr(next + 9, answer.find('"', next + 9) - next - 9);
    if (answer.find(R"("done": 0,)") == std::string::npos) ++changed_;
  }

  // Everything that is left runs.
  void finish() {
    broker_.ready("w1", 2);
    for (int idle = 0; idle < 3;) {
      const auto before = std::pair(running_.size(), disk_.backlog().size());
      serve_one();
      look();
      settle();
      if (questions_.empty() && claims_.empty() && before == std::pair(running_.size(), disk_.backlog().size())) {
        ++idle;
        broker_.wait(seconds(30));
        look();
        if (!running_.empty()) idle = 0;
      } else {
        idle = 0;
      }
    }
    serve_one();
  }

  Prng prng_;
  TestBroker broker_;
  StoreModel disk_;
  std::vector<StoreQuestion> questions_;
  std::vector<BacklogClaim> claims_;
  std::map<std::string, uint32_t> running_;  // their attempts, by id
  std::map<std::string, int> replies_;
  std::pair<std::string, std::string> filters_;
  std::string next_;
  uint64_t accepted_ = 0, changed_ = 0, claimed_ = 0;
};

TEST(BacklogFuzzTest, EachJobHasOneReplyWhateverPeopleDoToIt) {
  uint64_t changed = 0, claimed = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    BacklogFuzz fuzz(seed);
    fuzz.run(300);
    ASSERT_EQ(fuzz.fault(), "") << "seed " << seed;
    changed += fuzz.changed();
    claimed += fuzz.claimed();
  }
  EXPECT_GT(changed, 1'000u);
  EXPECT_GT(claimed, 1'000u);
}

}  // namespace
}  // namespace eventmq
