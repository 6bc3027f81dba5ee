// What people ask on the administrative socket.
#include <nlohmann/json.hpp>

#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

using Json = nlohmann::json;

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    broker_.worker("w1", {{20, "heavy"}, {10, "default"}});
    broker_.ready("w1", 2);
    broker_.scheduler("s1");
    broker_.request("c1", "j1", "reply-requested", "default", R"(["run", {"path": "pkg.jobs", "callable": "add"}])");
    broker_.request("c1", "j2", "guarantee,delay:60", "default", R"(["run", {"callable": "bare"}])");
    broker_.request("c1", "j3", "retry-count:2", "nobody", "not JSON");
    broker_.forget();
  }
  // The JSON that answers a published command.
  Json published(Body command) {
    broker_.forget();
    broker_.say("a1", std::move(command), "question");
    const std::vector<Send> sends = broker_.sends();
    EXPECT_EQ(sends.size(), 1u);
    const auto& reply = std::get<Reply>(sends.at(0).message.body);
    EXPECT_TRUE(reply.request_id.empty()) << "the published answer has one frame";
    EXPECT_FALSE(reply.has_outcome);
    return Json::parse(reply.payload.view());
  }
  Json view(const std::string& what, std::string_view arguments = "") {
    const std::string text = broker_.view(what, arguments);
    const Json json = Json::parse(text, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << text;
    return json;
  }
  TestBroker broker_;
};

// --- The published commands, in the shapes of recorded conversations ---

TEST_F(AdminTest, AJobThatFailedSaysWhy) {
  broker_.worker("w7", {{10, "q7"}});
  broker_.ready("w7", 2);
  broker_.request("c1", "e1", "", "q7");
  broker_.request("c1", "e2", "", "q7");
  broker_.settle("w7", "e1", 1, Outcome::kError,
                 R"({"value": "x", "error": {"type": "t", "message": "no such file"}})");
  broker_.settle("w7", "e2", 1, Outcome::kError, "not JSON");
  EXPECT_THAT(broker_.view("job", R"({"id": "e1"})"), HasSubstr(R"("error":"no such file")"));
  EXPECT_THAT(broker_.view("job", R"({"id": "e2"})"), HasSubstr("ago: error, not JSON."));
}

TEST_F(AdminTest, StatusHasThePublishedShape) {
  broker_.wait(milliseconds(12));
  broker_.settle("w1", "j1", 1);
  broker_.request("c1", "j4");
  EXPECT_EQ(published(StatusQuery{}), Json::parse(R"({
    "inflight_messages_by_queue": {"default": 1, "heavy": 0, "nobody": 0},
    "latency_messages_by_queue": {"default": 12, "heavy": 0, "nobody": 0},
    "max_latency_messages_by_queue": {"default": 12, "heavy": 0, "nobody": 0},
    "waiting_messages_by_queue": {"default": 0, "heavy": 0, "nobody": 1},
    "processed_messages_by_queue": {"default": 1, "heavy": 0, "nobody": 0},
    "processed_messages_by_worker": {"w1": 1}})"));
}

TEST_F(AdminTest, WorkersHaveThePublishedShape) {
  EXPECT_EQ(published(ShowWorkers{}), Json::parse(R"({
    "connected_workers": {"w1": {"queues": [[20, "heavy"], [10, "default"]], "hb": 1000000000.0, "available_slots": 1}},
    "connected_queues": {"default": [[10, "w1"]], "heavy": [[20, "w1"]]}})"));
}

TEST_F(AdminTest, SchedulersHaveThePublishedShape) {
  EXPECT_EQ(published(ShowSchedulers{}), Json::parse(R"({"connected_schedulers": {"s1": {"hb": 1000000000.0}}})"));
}

TEST_F(AdminTest, HelloIsNotAnswered) {
  broker_.say("a1", Hello{});
  EXPECT_THAT(broker_.sent(), IsEmpty());
}

TEST_F(AdminTest, ElsewhereTheyAreForbidden) {
  broker_.say("c1", StatusQuery{});
  broker_.say("c1", ShowWorkers{});
  broker_.say("c1", ShowSchedulers{});
  broker_.say("c1", Query{Bytes("status"), Bytes()});
  broker_.say("c1", Query{Bytes("cancel"), Bytes(R"({"id": "j1"})")});
  EXPECT_THAT(broker_.sent(), ElementsAre("c1 ERROR forbidden m", "c1 ERROR forbidden m", "c1 ERROR forbidden m",
                                          "c1 ERROR forbidden m", "c1 ERROR forbidden m"));
}

TEST_F(AdminTest, NamesThatAreNoTextAreShownByTheirBytes) {
  for (const char* id : {"w\xfe\n", "w\xff\n"}) broker_.worker(id);
  for (const char* shown : {"0x77fe0a", "0x77ff0a"}) {
    EXPECT_TRUE(published(ShowWorkers{})["connected_workers"].contains(shown)) << shown;
    EXPECT_TRUE(published(StatusQuery{})["processed_messages_by_worker"].contains(shown)) << shown;
  }
  const Json workers = view("workers");
  std::vector<std::string> ids;
  for (const Json& row : workers["workers"]) ids.push_back(row["id"]);
  EXPECT_THAT(ids, UnorderedElementsAre("w1", "0x77fe0a", "0x77ff0a"));
}

TEST_F(AdminTest, ALongListIsCut) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  for (size_t i = 0; i < limits::kListingRows + 500; ++i) {
    const Request request{Bytes(fmt::format("q{}", i)), {}, Bytes()};
    broker.step(MessageArrived{Side::kFrontend, Bytes("c1"), {Bytes(fmt::format("j{}", i)), request}}, Instant{0},
                effects);
  }
  effects.clear();
  broker.step(MessageArrived{Side::kAdministrative, Bytes("a1"), {Bytes("m"), StatusQuery{}}}, Instant{0}, effects);
  const Json json = Json::parse(std::get<Reply>(effects.sends.at(0).message.body).payload.view());
  EXPECT_EQ(json["waiting_messages_by_queue"].size(), limits::kListingRows);
  effects.clear();
  broker.step(MessageArrived{Side::kAdministrative, Bytes("a1"), {Bytes("m"), Query{Bytes("queues"), Bytes()}}},
              Instant{0}, effects);
  const Json queues = Json::parse(std::get<Reply>(effects.sends.at(0).message.body).payload.view());
  EXPECT_EQ(queues["queues"].size(), limits::kListingRows);
  EXPECT_EQ(queues["left_out"], 500);
}

// --- QUERY ---

TEST_F(AdminTest, AnAnswerNamesItsQuestion) {
  broker_.query("status");
  const std::vector<Send> sends = broker_.sends();
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(std::get<Reply>(sends[0].message.body).request_id.str(), "query");
}

TEST_F(AdminTest, StatusShowsTheBrokerAndItsTotals) {
  const Json json = view("status");
  EXPECT_EQ(json["state"], "running");
  EXPECT_EQ(json["instance"], "instance-1");
  EXPECT_EQ(json["store"],
            Json::parse(R"({"name": "memory", "durable": false, "fence": 0, "available": true, "fault": ""})"));
  EXPECT_EQ(json["peers"], Json::parse(R"({"workers": 1, "schedulers": 1, "clients": 0})"));
  EXPECT_EQ(json["totals"]["accepted"], 3);
  EXPECT_GT(json["memory_bytes"], 0);
  EXPECT_EQ(json["queues"].size(), 3u);
  broker_.shut_down();
  EXPECT_EQ(view("status")["state"], "draining");
}

// Accepted = done + dead + expired + cancelled + waiting + delayed + running.
TEST_F(AdminTest, TotalsAreConserved) {
  broker_.settle("w1", "j1", 1);
  broker_.cancel("c1", "j3");
  broker_.request("c1", "j5", "expires:1", "nobody");
  broker_.wait(seconds(1));
  const Json totals = view("status")["totals"];
  int sum = 0;
  for (const char* part : {"done", "dead", "expired", "cancelled", "waiting", "delayed", "running"}) {
    sum += totals[part].get<int>();
  }
  EXPECT_EQ(totals["accepted"], sum);
  EXPECT_EQ(sum, 4);
}

TEST_F(AdminTest, QueuesAreListedByName) {
  const Json queues = view("queues")["queues"];
  ASSERT_EQ(queues.size(), 3u);
  EXPECT_EQ(queues[0]["name"], "default");
  EXPECT_EQ(queues[0]["workers"], 1);
  EXPECT_EQ(queues[0]["running"], 1);
  EXPECT_EQ(queues[0]["delayed"], 1);
  EXPECT_EQ(queues[2]["name"], "nobody");
  EXPECT_EQ(queues[2]["workers"], 0);
  EXPECT_EQ(queues[2]["waiting"], 1);
}

TEST_F(AdminTest, WorkersShowTheirSlotsAndQueues) {
  const Json worker = view("workers")["workers"].at(0);
  EXPECT_EQ(worker["id"], "w1");
  EXPECT_EQ(worker["state"], "active");
  EXPECT_EQ(worker["queues"], Json::parse(R"([[20, "heavy"], [10, "default"]])"));
  EXPECT_EQ(worker["slots_free"], 1);
  EXPECT_EQ(worker["running"], 1);
  EXPECT_EQ(worker["settles"], true);
}

TEST_F(AdminTest, SchedulersAreListed) { EXPECT_EQ(view("schedulers")["schedulers"].at(0)["id"], "s1"); }

TEST_F(AdminTest, JobsAreFilteredAndPaged) {
  EXPECT_EQ(view("jobs")["jobs"].size(), 3u);
  EXPECT_EQ(view("jobs", R"({"queue": "nobody"})")["jobs"].at(0)["id"], "j3");
  EXPECT_EQ(view("jobs", R"({"state": "delayed"})")["jobs"].at(0)["id"], "j2");
  EXPECT_EQ(view("jobs", R"({"name": "pkg.jobs.add"})")["jobs"].at(0)["id"], "j1");
  EXPECT_TRUE(view("jobs", R"({"queue": "none"})")["jobs"].empty());
  EXPECT_TRUE(view("jobs", R"({"older_than": 3600})")["jobs"].empty());
  const Json first = view("jobs", R"({"limit": 2})");
  EXPECT_EQ(first["jobs"].size(), 2u);
  const Json second = view("jobs", R"({"limit": 2, "after": ")" + first["next"].get<std::string>() + R"("})");
  EXPECT_EQ(second["jobs"].size(), 1u);
  EXPECT_FALSE(second.contains("next"));
  EXPECT_TRUE(view("jobs", R"({"after": "m99999999999"})")["jobs"].empty());
}

TEST_F(AdminTest, AJobsRowSaysWhatItIs) {
  const Json job = view("jobs", R"({"state": "running"})")["jobs"].at(0);
  EXPECT_EQ(job["name"], "pkg.jobs.add");
  EXPECT_EQ(job["class"], "plain");
  EXPECT_EQ(job["attempt"], 1);
  EXPECT_EQ(job["worker"], "w1");
  EXPECT_EQ(view("jobs", R"({"state": "delayed"})")["jobs"].at(0)["name"], "bare");
  EXPECT_EQ(view("jobs", R"({"state": "delayed"})")["jobs"].at(0)["class"], "guaranteed");
  EXPECT_EQ(view("jobs", R"({"state": "waiting"})")["jobs"].at(0)["name"], "");
  EXPECT_EQ(view("jobs", R"({"state": "waiting"})")["jobs"].at(0)["class"], "retried");
}

TEST_F(AdminTest, AJobExplainsWhereItIs) {
  broker_.request("c1", "j5", "", "heavy");
  broker_.request("c1", "j6", "", "heavy");
  EXPECT_EQ(view("job", R"({"id": "j1"})")["explain"], "It has been running for 0.0 s on worker w1, attempt 1.");
  EXPECT_EQ(view("job", R"({"id": "j2"})")["explain"], "It is delayed as asked and becomes ready in 60.0 s.");
  EXPECT_EQ(view("job", R"({"id": "j3"})")["explain"], "It waits because no worker serves queue nobody.");
  EXPECT_THAT(view("job", R"({"id": "j6"})")["explain"].get<std::string>(), HasSubstr("It waits for a free slot"));
  broker_.cancel("c1", "j1");
  EXPECT_THAT(view("job", R"({"id": "j1"})")["explain"].get<std::string>(), HasSubstr("was told to cancel it"));
  broker_.settle("w1", "j5", 1, Outcome::kOk);
  EXPECT_EQ(view("job", R"({"id": "j5"})")["explain"], "It ended 0.0 s ago: ok.");
  EXPECT_EQ(view("job", R"({"id": "j5"})")["state"], "ended");
}

TEST_F(AdminTest, OnlySoManyEndedJobsAreRemembered) {
  for (size_t i = 0; i <= limits::kEndedJobsRemembered; ++i) {
    const std::string id = fmt::format("e{}", i);
    broker_.request("c1", id, "", "nobody");
    broker_.cancel("c1", id);
    broker_.forget();
  }
  EXPECT_EQ(broker_.view("job", R"({"id": "e0"})"), "unknown-job");
  EXPECT_EQ(view("job", R"({"id": "e1"})")["outcome"], "cancelled");
}

TEST_F(AdminTest, BadQuestionsAreRefused) {
  EXPECT_EQ(broker_.view("nonsense"), "bad-value");
  EXPECT_EQ(broker_.view(""), "bad-value");
  EXPECT_EQ(broker_.view("jobs", "not JSON"), "bad-value");
  EXPECT_EQ(broker_.view("jobs", "[]"), "bad-value");
  EXPECT_EQ(broker_.view("jobs", R"({"colour": "red"})"), "bad-value");
  EXPECT_EQ(broker_.view("jobs", R"({"limit": -1})"), "bad-value");
  EXPECT_EQ(broker_.view("jobs", R"({"limit": "2"})"), "bad-value");
  EXPECT_EQ(broker_.view("jobs", R"({"queue": 7})"), "bad-value");
  EXPECT_EQ(broker_.view("jobs", R"({"state": "bad"})"), "bad-value");
  for (const char* place : {R"("m")", R"("x1")", R"("m-1")", R"("s1 ")", R"("s18446744073709551615")", "5"}) {
    EXPECT_EQ(broker_.view("jobs", fmt::format(R"({{"after": {}}})", place)), "bad-value") << place;
  }
  EXPECT_EQ(broker_.view("jobs", R"({"older_than": -1})"), "bad-value");
  EXPECT_EQ(broker_.view("cancel", "{}"), "bad-value");
  EXPECT_EQ(broker_.view("cancel", R"({"all": false})"), "bad-value");
  EXPECT_EQ(broker_.view("cancel", R"({"id": "j1", "queue": "default"})"), "bad-value");
  EXPECT_EQ(broker_.view("job"), "unknown-job");
  EXPECT_EQ(broker_.view("job", R"({"id": "j9"})"), "unknown-job");
  EXPECT_EQ(broker_.view("jobs", std::string(limits::kQueryBytes + 1, ' ')), "too-large");
}

TEST_F(AdminTest, DeepJsonIsRefusedInsteadOfFollowed) {
  EXPECT_EQ(broker_.view("jobs", std::string(limits::kQueryBytes, '[')), "bad-value");
  const std::string deep = R"({"queue": )" + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  EXPECT_EQ(broker_.view("jobs", deep), "bad-value");
  std::string bomb(4'000, '[');
  broker_.request("c1", "bomb", "", "nobody", bomb);
  EXPECT_EQ(view("jobs", R"({"queue": "nobody"})")["jobs"].size(), 2u);
}

TEST_F(AdminTest, JobsAreCancelledById) {
  broker_.query("cancel", R"({"id": "j2"})");
  EXPECT_THAT(broker_.sent(), ElementsAre(R"(admin REPLY query {"cancelled": true})"));
  broker_.query("cancel", R"({"id": "j1"})");
  EXPECT_THAT(broker_.sent(),
              ElementsAre("w1 CANCEL j1", R"(admin REPLY query {"cancelled": false, "asked_worker": true})"));
  EXPECT_EQ(broker_.view("cancel", R"({"id": "j9"})"), "unknown-job");
  EXPECT_EQ(broker_.view("cancel"), "bad-value");
}

}  // namespace
}  // namespace eventmq
