// Existing Python schedulers against our broker.
#include "src/runtime/router_loop_test_support.h"
#include "tests/compat/player.h"

namespace eventmq::compat {
namespace {

using test::loopback_settings;
using test::RunningRouter;

// Plays the recorded conversation. The recorder's SCHEDULE and UNSCHEDULE come from a client here, and must arrive as
// they were recorded; each REQUEST of the scheduler is ACKed, run by a worker and answered.
TEST(SchedulerTest, TheRecordedConversationIsHeld) {
  RunningRouter router(loopback_settings());
  Player scheduler(router.context(), router.loop().endpoints().frontend, "5c4ed01e-0000-4000-8000-000000000001");
  Player client(router.context(), router.loop().endpoints().frontend, "client");
  Player worker(router.context(), router.loop().endpoints().backend, "worker");
  worker.say({"INFORM", "inform-w", R"([[10, "q"]])", "worker", "settle"});
  worker.hear("ACK");
  worker.say({"READY", "ready"});

  std::string requested;  // that was sent last; the recorder answered each twice, in the place of ACK and REPLY
  for (const auto& line : recorded("A scheduler")) {
    const Heard message = heard_from(line.frames);
    if (line.from_peer) {
      scheduler.say(line.frames);
      if (message.command != "REQUEST") continue;
      requested = message.id;
      const Heard job = worker.hear("REQUEST");
      EXPECT_EQ(job.id, requested);
      EXPECT_EQ(job.frames, (Texts{message.frames[0], message.frames[1], message.frames[2], "1"}));
      worker.say({"REPLY", "reply-" + job.id, R"({"value": 3})", job.id, "1", "ok"});
    } else if (message.command == "ACK") {
      EXPECT_EQ(scheduler.hear("ACK").frames, message.frames);
    } else if (message.command.ends_with("SCHEDULE")) {
      client.say(line.frames);
      client.expect_ack_of(message.id);
      const Heard forwarded = scheduler.hear(message.command);
      EXPECT_EQ(forwarded.id, message.id);
      EXPECT_EQ(forwarded.frames, message.frames) << "as it was recorded";
    } else if (message.command == "REPLY" && message.frames.size() == 1) {
      scheduler.expect_ack_of(requested);
    } else if (message.command == "REPLY") {
      EXPECT_EQ(scheduler.hear("REPLY").frames, (Texts{R"({"value": 3})", requested, "ok"}));
    }
  }
  EXPECT_FALSE(router.log().contains("refused"));
}

TEST(SchedulerTest, HeadersThatItWouldMisreadAreNotForwarded) {
  RunningRouter router(loopback_settings());
  Player scheduler(router.context(), router.loop().endpoints().frontend, "scheduler");
  Player client(router.context(), router.loop().endpoints().frontend, "client");
  scheduler.say({"INFORM", "inform", "", "scheduler"});
  scheduler.expect_ack_of("inform");
  client.say({"SCHEDULE", "s", "q", "my-timeout:9,run_count:3,priority:7,nohaste", "60", "[]", ""});
  EXPECT_EQ(scheduler.hear("SCHEDULE").frames, (Texts{"q", "nohaste,run_count:3", "60", "[]", ""}));
}

// Until UNSCHEDULE.
Texts schedules_heard(Player& scheduler) {
  Texts ids;
  for (Heard heard = scheduler.hear(); heard.command == "SCHEDULE"; heard = scheduler.hear()) ids.push_back(heard.id);
  return ids;
}

TEST(SchedulerTest, UnscheduleGoesToAllAndScheduleToTheOneThatHasIt) {
  RunningRouter router(loopback_settings());
  Player client(router.context(), router.loop().endpoints().frontend, "client");
  Player first(router.context(), router.loop().endpoints().frontend, "first");
  Player second(router.context(), router.loop().endpoints().frontend, "second");
  for (Player* scheduler : {&first, &second}) {
    scheduler->say({"INFORM", "inform", "", "scheduler"});
    scheduler->expect_ack_of("inform");
  }
  client.say({"SCHEDULE", "one", "q", "", "5", "[]", ""});
  client.say({"SCHEDULE", "again", "q", "", "7", "[]", ""});
  client.say({"UNSCHEDULE", "gone", "q", "", "5", "[]", ""});
  const Texts at_first = schedules_heard(first);
  const Texts at_second = schedules_heard(second);
  EXPECT_EQ(at_first.size() + at_second.size(), 2u);
  EXPECT_TRUE(at_first.empty() || at_second.empty());
}

}  // namespace
}  // namespace eventmq::compat
