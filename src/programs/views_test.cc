#include "src/programs/views.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace eventmq {
namespace {

using Json = nlohmann::ordered_json;

TEST(ViewsTest, StatusShowsEveryCounterOfEveryQueue) {
  const Json status = Json::parse(R"({
    "instance": "i-1", "state": "running", "uptime_seconds": 3725.2,
    "store": {"name": "memory", "durable": false}, "memory_bytes": 1536, "memory_limit_bytes": 1073741824,
    "totals": {"accepted": 10, "done": 4, "dead": 1, "expired": 1, "cancelled": 1, "waiting": 1, "delayed": 1, "running": 1,
               "retries": 2, "refused": 0},
    "peers": {"workers": 2, "schedulers": 0, "clients": 1},
    "counters": {"bad_messages": 3, "late_results": 4, "queues_refused": 2},
    "queues": [{"name": "heavy", "workers": 0, "accepted": 10, "done": 4, "dead": 1, "expired": 1, "cancelled": 1,
                "waiting": 1, "delayed": 1, "running": 1, "retries": 2, "refused": 0}]})");
  EXPECT_EQ(status_view(status, false),
            "router   running, up 1 h 2 min, instance i-1\n"
            "store    memory, not durable: jobs are lost when the router stops\n"
            "memory   1.5K of 1G\n"
            "peers    2 workers, 0 schedulers, 1 clients\n"
            "\n"
            "QUEUE  ACCEPTED  WAITING  DELAYED  RUNNING  DONE  DEAD  EXPIRED  CANCELLED  RETRIES  REFUSED  WORKERS\n"
            "heavy        10        1        1        1     4     1        1          1        2        0        0\n"
            "all          10        1        1        1     4     1        1          1        2        0\n"
            "\n"
            "to note\n"
            "  no worker serves queue heavy, and 1 jobs wait there\n"
            "  3 messages were malformed and refused\n"
            "  4 results were set aside: their attempts were given up, or began before this router started\n"
            "  2 jobs were refused because their queue would have been one too many\n");
}

TEST(ViewsTest, ManyQueuesThatNobodyServesAreCountedAndNotAllNamed) {
  Json status = {{"queues", Json::array()}};
  const auto add = [&status](const std::string& name, int workers) {
    status["queues"].push_back({{"name", name}, {"waiting", 2}, {"workers", workers}});
  };
  add("served", 1);
  for (int queue = 0; queue < 5; ++queue) add("q" + std::to_string(queue), 0);
  const auto notes = [&status] {
    const std::string text = status_view(status, false);
    return text.substr(text.find("to note\n") + 8);
  };
  const std::string named =
      "  no worker serves queue q0, and 2 jobs wait there\n  no worker serves queue q1, and 2 jobs wait there\n"
      "  no worker serves queue q2, and 2 jobs wait there\n  no worker serves queue q3, and 2 jobs wait there\n"
      "  no worker serves queue q4, and 2 jobs wait there\n";
  EXPECT_EQ(notes(), named);
  for (int queue = 5; queue < 1000; ++queue) add("q" + std::to_string(queue), 0);
  EXPECT_EQ(notes(),
            named + "  and 995 more queues that no worker serves, where 1990 jobs wait; `emq queues` lists them\n");
}

TEST(ViewsTest, AJobThatTheStoreCannotKeepIsShownAsWaitingForIt) {
  const Json answer = Json::parse(R"({"jobs": [{"id": "j1", "queue": "q", "name": "a", "state": "waiting",
    "waits_for": "store", "class": "guaranteed", "attempt": 1, "priority": 4, "age_seconds": 2}]})");
  EXPECT_NE(jobs_view(answer, false).find("  waiting for the store  guaranteed"), std::string::npos);
}

TEST(ViewsTest, EmptyListingsSaySo) {
  EXPECT_EQ(queues_view(Json::parse(R"({"queues": []})"), false), "no queues yet\n");
  EXPECT_EQ(workers_view(Json::parse(R"({"workers": []})"), false), "no workers are connected\n");
  EXPECT_EQ(schedulers_view(Json::parse(R"({"schedulers": []})"), false), "no schedulers are connected\n");
  EXPECT_EQ(jobs_view(Json::parse(R"({"jobs": []})"), false), "no jobs\n");
}

TEST(ViewsTest, AnEmptyListingThatLacksTheStoreIsNotSaidToBeEmpty) {
  EXPECT_EQ(queues_view(Json::parse(R"({"queues": [], "incomplete": "the disk is full"})"), false),
            "the jobs in the store are not counted: the disk is full\n");
  EXPECT_EQ(jobs_view(Json::parse(R"({"jobs": [], "incomplete": "the disk is full"})"), false), "");
}

TEST(ViewsTest, WorkersShowTheirQueuesAsTheyAreTyped) {
  const Json answer = Json::parse(R"({"left_out": 3, "workers": [{"id": "w\u001b1", "state": "active", "slots_free": 1,
    "queues": [[20, "heavy"], [10, "default"]], "running": 3, "processed": 7, "connected_seconds": 61, "silent_seconds": 0.5}]})");
  EXPECT_EQ(workers_view(answer, false),
            "WORKER  STATE   FREE  RUNNING  PROCESSED  CONNECTED  SILENT  QUEUES\n"
            "w?1     active     1        3          7  1 min 1 s   0.5 s  20,heavy 10,default\n"
            "and 3 more, left out here\n");
}

TEST(ViewsTest, JobsSayWhereToGoOn) {
  const Json answer =
      Json::parse(R"({"next": "s7", "jobs": [{"id": "j1", "queue": "q", "name": "math.add", "state": "running",
    "class": "plain", "attempt": 1, "priority": 4, "age_seconds": 2, "worker": "w1"}]})");
  EXPECT_EQ(jobs_view(answer, false),
            "JOB  NAME      QUEUE  STATE    CLASS  ATTEMPT  PRIORITY    AGE  WORKER\n"
            "j1   math.add  q      running  plain        1         4  2.0 s  w1\n"
            "there may be more: --after s7\n");
}

TEST(ViewsTest, WhateverTheRouterSaysIsShownWithoutHarm) {
  for (const char* text : {"{}", R"({"queues": 5, "workers": [1, null], "jobs": [[]], "store": 1, "peers": []})",
                           R"({"queues": [{"name": 5, "waiting": "x"}], "counters": [1]})"}) {
    const Json json = Json::parse(text);
    EXPECT_NE(status_view(json, false), "") << text;
    EXPECT_NE(queues_view(json, false), "") << text;
    EXPECT_NE(workers_view(json, true), "") << text;
    EXPECT_NE(schedulers_view(json, false), "") << text;
    EXPECT_NE(jobs_view(json, false), "") << text;
    job_view(json, false);
  }
}

TEST(ViewsTest, AJobIsShownFieldByField) {
  EXPECT_EQ(job_view(Json::parse(R"({"id": "j1", "retry_count": 3, "age_seconds": 1.26, "worker": ""})"), false),
            "id           j1\n"
            "retry count  3\n"
            "age seconds  1.3\n");
}

TEST(ViewsTest, AnEndedJobIsShownWithItsValueAndItsMoments) {
  EXPECT_EQ(job_view(Json::parse(R"({"id": "j1", "outcome": "ok", "value": {"sum": [1, 2.5]}, "ended_at": 1764000000.25,
    "kept_until": 1764003600, "history": [{"attempt": 1, "outcome": "error", "error": "no"}]})"),
                     false),
            "id          j1\n"
            "outcome     ok\n"
            "value       {\"sum\":[1,2.5]}\n"
            "ended at    2025-11-24 16:00:00 UTC\n"
            "kept until  1764003600\n"
            "\n"
            "ATTEMPT      ENDED   TOOK  OUTCOME  WORKER  ERROR\n"
            "      1  0.0 s ago  0.0 s  error            no\n");
}

TEST(ViewsTest, DeadLettersAreListedAndShown) {
  EXPECT_EQ(dead_view(Json::parse(R"({"dead": []})"), false), "no dead letters\n");
  const Json letter = Json::parse(
      R"({"id": "j1", "name": "a.b", "queue": "q", "cause": "killed", "died_seconds_ago": 90, "attempts": 2,
          "error": "killed by SIGSEGV", "history": [{"attempt": 2, "outcome": "killed", "ended_seconds_ago": 90,
          "took_seconds": 1.5, "worker": "w1", "error": "killed by SIGSEGV"}]})");
  EXPECT_EQ(dead_view({{"dead", Json::array({letter})}, {"next", 7}}, false),
            "JOB  NAME  QUEUE  CAUSE             DIED  ATTEMPTS  ERROR\n"
            "j1   a.b   q      killed  1 min 30 s ago         2  killed by SIGSEGV\n"
            "there are more: --after 7\n");
  const std::string shown = job_view(letter, false);
  EXPECT_NE(shown.find("cause             killed\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("      2  1 min 30 s ago  1.5 s  killed   w1      killed by SIGSEGV\n"), std::string::npos)
      << shown;
}

}  // namespace
}  // namespace eventmq
