// Many jobs that are cancelled, run now or deleted at once, in memory and in the store. A model stands for the store.
#include <nlohmann/json.hpp>

#include "src/broker/test_broker.h"
#include "testing/store_model.h"

namespace eventmq {
namespace {

using Json = nlohmann::json;

struct Sums {
  uint64_t done = 0, asked = 0, refused = 0;
  int calls = 0;
  auto operator<=>(const Sums&) const = default;
};

class BulkChangesTest : public ::testing::Test {
 protected:
  void begin(uint64_t window_jobs) {
    BrokerSettings settings;
    settings.store_durable = true;
    settings.window_jobs = window_jobs;
    broker_ = std::make_unique<TestBroker>(settings);
  }
  BulkChangesTest() { begin(1'000'000); }

  // The store keeps what it is given, and answers claims and questions, until nothing is asked any more.
  void serve() {
    for (bool busy = true; busy;) {
      disk_.apply(broker_->records());
      busy = false;
      for (const StoreQuestion& question : broker_->questions()) {
        broker_->step(disk_.answer(question));
        busy = true;
      }
      for (const BacklogClaim& claim : broker_->claims()) {
        broker_->step(disk_.claim(claim));
        busy = true;
      }
    }
  }
  // What the administrator is told, and what others are goes to told_.
  std::string order(const std::string& what, const std::string& arguments) {
    serve();
    broker_->forget();
    broker_->query(what, arguments);
    serve();
    std::string answer = "nothing";
    for (const std::string& text : broker_->sent()) {
      const bool to_admin = text.starts_with("admin ");
      if (to_admin) answer = text.substr(6);
      if (!to_admin) told_.push_back(text);
    }
    return answer;
  }
  // From page to page.
  Sums change_all(const std::string& what, Json arguments) {
    told_.clear();
    Sums sums;
    while (true) {
      const std::string answer = order(what, arguments.dump());
      const Json json = Json::parse(answer.substr(answer.find('{')));
      sums.done += json.at("done").get<uint64_t>();
      sums.asked += json.at("asked").get<uint64_t>();
      sums.refused += json.at("refused").get<uint64_t>();
      ++sums.calls;
      if (!json.contains("next")) return sums;
      arguments["after"] = json["next"];
    }
  }
  void accept(int count, const std::string& headers, const std::string& queue = "default",
              const std::string& prefix = "j") {
    for (int i = 1; i <= count; ++i) broker_->request("c1", prefix + std::to_string(i), headers, queue);
    serve();
  }
  size_t on_disk() { return disk_.state(broker_->now()).jobs.size() + disk_.backlog().size(); }

  std::unique_ptr<TestBroker> broker_;
  StoreModel disk_;
  std::vector<std::string> told_;
};

TEST_F(BulkChangesTest, AQueueIsCancelledAndTheOthersAreNot) {
  accept(5, "guarantee,reply-requested", "q1");
  accept(3, "", "q2", "k");
  EXPECT_EQ(change_all("cancel", {{"queue", "q1"}}), (Sums{.done = 5, .calls = 1}));
  EXPECT_EQ(told_.size(), 5u);
  EXPECT_THAT(told_[0], HasSubstr("cancelled before it started"));
  EXPECT_EQ(on_disk(), 0u);
  EXPECT_EQ(change_all("jobs-delete", {{"all", true}}), (Sums{.done = 3, .calls = 1}));
}

TEST_F(BulkChangesTest, OneOrderChangesOnePageAndTheNextGoesOn) {
  accept(2500, "delay:100");
  EXPECT_EQ(change_all("jobs-retry", {{"queue", "default"}}), (Sums{.done = 2500, .calls = 3}));
  EXPECT_EQ(change_all("jobs-retry", {{"queue", "default"}}), (Sums{.calls = 3})) << "they are due";
  EXPECT_EQ(change_all("cancel", {{"state", "waiting"}}), (Sums{.done = 2500, .calls = 3}));
}

TEST_F(BulkChangesTest, JobsInTheStoreAloneAreClaimedAndChanged) {
  begin(2);
  accept(1500, "guarantee");
  accept(1500, "guarantee", "q2", "k");
  ASSERT_EQ(disk_.backlog().size(), 2996u);
  EXPECT_EQ(change_all("cancel", {{"queue", "q2"}}).done, 1500u);
  EXPECT_EQ(on_disk(), 1500u);
  EXPECT_EQ(change_all("jobs-delete", {{"all", true}}).done, 1500u);
  EXPECT_EQ(on_disk(), 0u);
  EXPECT_THAT(broker_->view("status"), HasSubstr(R"("waiting":0,"delayed":0)"));
}

TEST_F(BulkChangesTest, NamesAndAgesChooseToo) {
  begin(1);
  accept(4, "guarantee");
  broker_->wait(seconds(60));
  broker_->request("c1", "young", "guarantee");
  broker_->request("c1", "other", "guarantee", "default", R"(["run", {"path": "pkg", "callable": "other"}])");
  serve();
  EXPECT_EQ(change_all("cancel", {{"older_than", 30}}).done, 4u);
  EXPECT_EQ(change_all("cancel", {{"name", "pkg.other"}}).done, 1u);
  EXPECT_EQ(change_all("cancel", {{"all", true}}).done, 1u);
}

TEST_F(BulkChangesTest, LargeMessagesComeInSeveralClaims) {
  begin(0);
  const std::string payload = R"(["run", {"path": "a", "args": [")" + std::string(1'000'000, 'x') + R"("]}])";
  for (int i = 0; i < 10; ++i) broker_->request("c1", "j" + std::to_string(i), "guarantee", "default", payload);
  serve();
  ASSERT_EQ(disk_.backlog().size(), 10u);
  EXPECT_EQ(change_all("cancel", {{"queue", "default"}}).done, 10u);
  EXPECT_EQ(on_disk(), 0u);
}

TEST_F(BulkChangesTest, WhatRunsIsCancelledByItsWorkerAndNotDeleted) {
  broker_->worker("w1");
  broker_->ready("w1", 1);
  accept(2, "guarantee");
  EXPECT_EQ(change_all("jobs-delete", {{"state", "running"}}), (Sums{.refused = 1, .calls = 1}));
  EXPECT_EQ(change_all("cancel", {{"all", true}}), (Sums{.done = 1, .asked = 1, .calls = 1}));
  EXPECT_THAT(told_, Contains("w1 CANCEL j1"));
  EXPECT_EQ(change_all("cancel", {{"all", true}}), (Sums{.calls = 1})) << "it was told";
}

TEST_F(BulkChangesTest, DelayedJobsThatDoNotFitInMemoryAreDueInTheStore) {
  begin(1);
  accept(50, "guarantee,delay:1000");
  EXPECT_EQ(change_all("jobs-retry", {{"all", true}}).done, 50u);
  EXPECT_GE(disk_.backlog().size(), 45u);
  std::set<std::string> run;
  broker_->forget();
  broker_->worker("w1");
  broker_->ready("w1");
  for (size_t before = 0; before <= run.size() && run.size() < 50; ++before) {
    serve();
    for (const Send& send : broker_->sends()) {
      if (!std::holds_alternative<Request>(send.message.body)) continue;
      run.insert(send.message.id.str());
      broker_->settle("w1", send.message.id.str(), 1);
    }
  }
  serve();
  EXPECT_EQ(run.size(), 50u);
  EXPECT_EQ(on_disk(), 0u);
}

TEST_F(BulkChangesTest, AJobThatIsDueAlreadyKeepsItsTurn) {
  begin(1);
  accept(3, "guarantee");
  EXPECT_EQ(order("jobs-retry", R"({"id": "j3"})"), R"(REPLY query {"retried": 0, "waits": true})");
  EXPECT_EQ(disk_.backlog().size(), 2u);
}

TEST_F(BulkChangesTest, AJobThatIsDueByTheTimeItIsClaimedIsNotClaimedAgain) {
  begin(1);
  accept(1, "guarantee");
  broker_->request("c1", "j2", "guarantee");
  broker_->request("c1", "j3", "guarantee,delay:2");
  disk_.apply(broker_->records());
  ASSERT_EQ(disk_.backlog().size(), 2u);
  // It is claimed out of its turn, and there is nothing to do for it any more.
  broker_->query("jobs-retry", R"({"id": "j3"})");
  broker_->step(disk_.answer(broker_->questions().at(0)));
  broker_->wait(seconds(3));
  serve();
  EXPECT_EQ(disk_.backlog().size(), 1u);
  EXPECT_THAT(broker_->sent(), Contains(R"(admin REPLY query {"retried": 0, "waits": true})"));
  broker_->worker("w1");
  broker_->ready("w1", 5);
  serve();
  for (const char* id : {"j1", "j2", "j3"}) broker_->settle("w1", id, 1);
  serve();
  EXPECT_EQ(on_disk(), 0u);
  EXPECT_THAT(broker_->view("status"), HasSubstr(R"("accepted":3,"done":3)"));
}

TEST_F(BulkChangesTest, WhatStartsMeanwhileIsNotMeantByWaiting) {
  begin(2);
  accept(8, "guarantee");
  broker_->forget();
  broker_->query("cancel", R"({"state": "waiting", "after": "s0"})");
  disk_.apply(broker_->records());
  StoreAnswer found = disk_.answer(broker_->questions().at(0));
  broker_->worker("w1");
  broker_->ready("w1", 4);
  serve();  // four run, two of them of those that were found
  broker_->step(std::move(found));
  serve();
  EXPECT_THAT(broker_->sent(), AllOf(Contains(R"(admin REPLY query {"done": 4, "asked": 0, "refused": 0})"),
                                     Not(Contains(HasSubstr("w1 CANCEL")))));
}

TEST_F(BulkChangesTest, WhatIsClaimedToBeCancelledNeverStarts) {
  begin(1);
  accept(5, "guarantee");
  broker_->forget();
  broker_->query("cancel", R"({"all": true, "after": "s0"})");
  disk_.apply(broker_->records());
  broker_->step(disk_.answer(broker_->questions().at(0)));
  const std::vector<BacklogClaim> claims = broker_->claims();
  broker_->worker("w1");
  broker_->ready("w1", 10);
  for (const BacklogClaim& claim : claims) broker_->step(disk_.claim(claim));
  serve();
  const std::vector<std::string> sent = broker_->sent();
  EXPECT_THAT(sent, Contains(R"(admin REPLY query {"done": 4, "asked": 0, "refused": 0})"));
  EXPECT_EQ(std::ranges::count_if(sent, [](const std::string& s) { return s.starts_with("w1 REQUEST"); }), 1);
}

TEST_F(BulkChangesTest, NothingWaitsForTheStoreThatChangedNothing) {
  accept(3, "guarantee");
  broker_->request("c2", "later", "guarantee");
  broker_->step(StoreChanged{false, "the disk is full"});
  broker_->query("cancel", R"({"all": true})");
  const std::vector<Send> sends = broker_->sends();
  ASSERT_FALSE(sends.empty());
  EXPECT_EQ(sends.back().peer, "admin");
  EXPECT_EQ(sends.back().after, 0u);
}

TEST_F(BulkChangesTest, APageThatTheMemoryFillsIsNotTheLast) {
  begin(3);
  accept(5, "guarantee");
  const auto page = [&](const std::string& arguments) {
    const std::string answer = order("jobs", arguments);
    return Json::parse(answer.substr(answer.find('{')));
  };
  const Json first = page(R"({"limit": 3})");
  EXPECT_EQ(first["jobs"].size(), 3u);
  EXPECT_EQ(first["next"], "s0");
  const Json second = page(R"({"limit": 3, "after": "s0"})");
  EXPECT_EQ(second["jobs"].size(), 2u);
  EXPECT_FALSE(second.contains("next"));
}

TEST_F(BulkChangesTest, WhatIsShownWhileTheStoreIsAwayIsTrue) {
  begin(1);
  accept(3, "guarantee");
  broker_->step(StoreChanged{false, "the disk is full"});
  EXPECT_EQ(broker_->view("job", R"({"id": "j3"})"), "store-unavailable");
  EXPECT_THAT(broker_->view("jobs"), HasSubstr(R"("incomplete":"the store cannot be asked: the disk is full")"));
  EXPECT_THAT(broker_->view("jobs", R"({"after": "s0"})"), HasSubstr(R"("incomplete")"));
  EXPECT_THAT(broker_->view("jobs", R"({"state": "running"})"), Not(HasSubstr("incomplete")));
}

TEST_F(BulkChangesTest, WhileTheStoreIsAwayGuaranteedJobsAreLeft) {
  begin(1);
  accept(3, "guarantee");
  accept(2, "delay:5", "default", "plain");
  broker_->step(StoreChanged{false, "the disk is full"});
  EXPECT_EQ(order("cancel", R"({"all": true})"), R"(REPLY query {"done": 2, "asked": 0, "refused": 1, "next": "s0"})");
  EXPECT_EQ(order("cancel", R"({"all": true, "after": "s0"})"), "ERROR store-unavailable query");
}

TEST_F(BulkChangesTest, TwoOrdersAtOnceChangeEachJobOnce) {
  begin(0);
  accept(20, "guarantee,reply-requested");
  broker_->forget();
  broker_->query("cancel", R"({"all": true, "after": "s0"})");
  broker_->query("jobs-delete", R"({"all": true, "after": "s0"})");
  serve();
  uint64_t done = 0;
  int replies = 0;
  for (const std::string& text : broker_->sent()) {
    const bool to_admin = text.starts_with("admin ");
    if (to_admin) done += Json::parse(text.substr(text.find('{'))).at("done").get<uint64_t>();
    replies += to_admin ? 0 : 1;
  }
  EXPECT_EQ(done, 20u);
  EXPECT_EQ(replies, 20);
  EXPECT_EQ(on_disk(), 0u);
}

}  // namespace
}  // namespace eventmq
