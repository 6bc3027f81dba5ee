// build/emq as a person uses it: what is refused and how, exit codes, a whole small system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/programs/emq_process.h"

namespace eventmq {
namespace {

using test::EmqProcess;
using test::Ran;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::ordered_json;

class CommandsTest : public testing::Test {
 protected:
  Ran emq(const std::vector<std::string>& words, const std::string& input = "", const std::string& program = "emq") {
    return test::run_emq(words, environment_, input, program);
  }
  void expect_usage_error(const std::vector<std::string>& words, const std::string& sentence) {
    const Ran ran = emq(words);
    EXPECT_EQ(ran.code, 2) << sentence;
    EXPECT_THAT(ran.err, StartsWith("emq: " + sentence));
    EXPECT_EQ(ran.out, "");
  }

  test::ScratchFolder folder_;
  std::map<std::string, std::string> environment_ = test::environment_in(folder_);
};

TEST_F(CommandsTest, EmqAloneHelps) {
  for (const auto& words : {std::vector<std::string>{}, {"help"}, {"--help"}, {"-h"}}) {
    const Ran ran = emq(words);
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, HasSubstr("emq send math.add 2 3 --wait"));
    EXPECT_EQ(ran.err, "");
  }
}

TEST_F(CommandsTest, EveryCommandHasHelp) {
  const Ran send = emq({"send", "--help"});
  EXPECT_EQ(send.code, 0);
  EXPECT_THAT(send.out, HasSubstr("Usage: emq send NAME [ARGUMENT…] [FLAG…]"));
  EXPECT_THAT(emq({"help", "jobs", "show"}).out, HasSubstr("Usage: emq jobs show ID [FLAG…]"));
  EXPECT_THAT(emq({"router", "-h"}).out, HasSubstr("--backend-listen-addr"));
}

TEST_F(CommandsTest, TheFirstOfTwoWordsHelpsWithAllThatMayFollow) {
  for (const auto& words : {std::vector<std::string>{"jobs", "--help"}, {"jobs", "-h"}, {"help", "jobs"}}) {
    const Ran ran = emq(words);
    EXPECT_EQ(ran.code, 0);
    for (const char* name : {"list", "show", "explain", "cancel", "retry", "delete"}) {
      EXPECT_THAT(ran.out, HasSubstr(std::string("  jobs ") + name + "  "));
    }
    EXPECT_THAT(ran.out, HasSubstr("`emq jobs` alone is `emq jobs list`."));
  }
  EXPECT_THAT(emq({"dead", "--help"}).out, HasSubstr("  dead delete  "));
}

TEST_F(CommandsTest, TheShellEndsAtAWordWithBlanksAroundIt) {
  for (const char* line : {"exit", "exit ", " exit", "\tquit\r", " \\q "}) {
    const Ran ran = emq({"shell"}, std::string(line) + "\nno.such\n");
    EXPECT_EQ(ran.code, 0) << line;
    EXPECT_EQ(ran.err, "") << line;
  }
}

TEST_F(CommandsTest, TheOriginalsNameOfTheJobManagerHelpsWithItsFlags) {
  const Ran ran = emq({"-h"}, "", "emq-jobmanager");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("  -B ADDRESS  The router's backend address"));
  EXPECT_THAT(emq({"jobmanager", "-h"}).out, testing::Not(HasSubstr("-B ADDRESS")));
}

TEST_F(CommandsTest, WrongUsageIsOneSentenceThatSaysTheMend) {
  expect_usage_error({"sned"}, "there is no command sned; did you mean send?\n");
  expect_usage_error({"banana"}, "there is no command banana; `emq help` lists them\n");
  expect_usage_error({"jobs", "shwo"}, "there is no command jobs shwo; did you mean jobs show?\n");
  expect_usage_error({"jobs", "banana"},
                     "emq jobs is followed by one of: list, show, explain, cancel, retry, delete\n");
  expect_usage_error({"send"}, "NAME is missing: emq send NAME [ARGUMENT…] [FLAG…]\nTry: emq send --help\n");
  expect_usage_error({"status", "now"}, "\"now\" is one argument too many: emq status [FLAG…]\n");
  expect_usage_error({"send", "a", "--wiat"}, "there is no flag --wiat; did you mean --wait?\n");
  expect_usage_error({"send", "a", "--queue"}, "--queue needs a value: --queue NAME\n");
  expect_usage_error({"--wait", "send"}, "a command comes first, then its flags: emq COMMAND --wait\n");
  expect_usage_error({"completion", "fish"}, "there is no completion for fish; bash is the one there is\n");
}

TEST_F(CommandsTest, WrongValuesAreRefusedBeforeAnythingIsSent) {
  expect_usage_error({"send", "a", "--kwargs", "[1]"}, "--kwargs must be a JSON object");
  expect_usage_error({"send", "a", "--timeout", "soon"}, "--timeout: \"soon\" is no number of seconds");
  expect_usage_error({"send", "a", "--delay", "\x1b[2J"}, "--delay: \"?[2J\" is no number of seconds");
  expect_usage_error({"send", "a", "--delay", "99999999999"},
                     "--delay: \"99999999999\" is too long; at most 315360000 seconds (ten years) can be asked for\n");
  expect_usage_error({"jobs", "list", "--limit", "many"}, "--limit: ");
  expect_usage_error({"jobs", "list", "--state", "ended"},
                     "--state must be delayed, waiting or running, not \"ended\"");
  expect_usage_error({"jobs", "cancel"}, "say which: an id, --queue, --name, --state, --older-than, or --all\n");
  expect_usage_error({"jobs", "retry", "--all", "--queue", "q"}, "--all means every job");
  expect_usage_error({"jobs", "cancel", "--older-than", "0"}, "--older-than 0 means every job: say so with --all\n");
  expect_usage_error({"jobs", "delete", "the-id", "--queue", "q"}, "give an id, or say by the flags which jobs");
  expect_usage_error({"jobmanager", "-Q", "abc,10"},
                     "-Q: queues: weight 10 stands before no name; write 10,default 20,high\n");
  expect_usage_error({"jobmanager", "-Q", "10"},
                     "-Q: queues: weight 10 stands before no name; write 10,default 20,high\n");
  expect_usage_error({"send", "a", "--priority", "10"}, "--priority must be a whole number from 0 to 9, not \"10\"");
  expect_usage_error({"send", "a", "--retry-count", "-1"},
                     "--retry-count must be a whole number from 0 to 1000, not \"-1\"");
  expect_usage_error({"send", "a", "\xff"}, "the arguments must be UTF-8 text");
  expect_usage_error({"dead", "retry"}, "say which: an id, --queue,");
  expect_usage_error({"dead", "delete", "the-id", "--all"}, "--all means every dead letter");
  expect_usage_error({"dead", "list", "--older-than", "soon"}, "--older-than: ");
  expect_usage_error({"jobs", "list", "--state", "dead"}, "--state must be delayed, waiting or running, not \"dead\"");
  expect_usage_error({"jobs", "--limit", "x"}, "--limit: \"x\" is no whole number");
  expect_usage_error({"status", "--addr", "localhost"}, "\"localhost\" is no address; write tcp://localhost:47293\n");
  expect_usage_error({"status", "--reply-timeout", "0"}, "--reply-timeout: 0 leaves no time to answer; write seconds");
  expect_usage_error({"dead", "delete", "--older-than", "0"},
                     "--older-than 0 means every dead letter: say so with --all");
  expect_usage_error({"status", "--reply-timeout", "x"}, "--reply-timeout: \"x\" is no number of seconds");
  expect_usage_error({"router", "--hwm", "many"},
                     "--hwm: hwm must be a whole number from 1 to 1000000000, not \"many\"");
  expect_usage_error({"router", "--store", "redis"}, "--store: store must be sqlite or memory, not \"redis\"");
  expect_usage_error({"up", "--jobmanagers", "0"}, "--jobmanagers must be a whole number from 1 to 100, not \"0\"");
  expect_usage_error({"up", "-B", "tcp://127.0.0.1:*"}, "emq up needs a fixed port in backend_listen_addr");
  expect_usage_error({"bench", "--rounds", "0"}, "--rounds must be a whole number from 1 to 1000, not \"0\"");
  expect_usage_error({"bench", "--windows", "10000"}, "--windows must be whole numbers from 1 to 9999, not \"10000\"");
  expect_usage_error({"config", "--for", "scheduler"}, "--for must be router or jobmanager, not \"scheduler\"");
}

TEST_F(CommandsTest, AnEmptyWordIsNeverTakenForTheDefault) {
  expect_usage_error({"jobs", "cancel", ""}, "ID is empty: emq jobs cancel [ID] [FLAG…]\n");
  expect_usage_error({"dead", "retry", ""}, "ID is empty: ");
  expect_usage_error({"send", ""}, "NAME is empty: ");
  expect_usage_error({"status", "-a", ""}, "-a is empty: write -a ADDRESS, or leave it out\n");
  expect_usage_error({"send", "a", "-b", ""}, "-b is empty: write -b ADDRESS, or leave it out\n");
  expect_usage_error({"jobs", "--queue="}, "--queue is empty: ");
  expect_usage_error({"status", "-C", ""}, "-C is empty: ");
  expect_usage_error({"verify", "--data-dir", ""}, "--data-dir is empty: ");
  expect_usage_error({"router", "--data-dir", ""}, "--data-dir: data_dir is empty: set it to a folder");
  expect_usage_error({"router", "-F", ""}, "-F: frontend_listen_addr: \"\" is no address; write tcp://");
  expect_usage_error({"jobmanager", "-A", ""}, "-A: connect_addr must name at least one address\n");
}

TEST_F(CommandsTest, OneAddressForTwoSocketsIsWrongUsage) {
  const std::string address = "ipc://" + folder_.file("one");
  for (const char* command : {"router", "up"}) {
    expect_usage_error({command, "-F", address, "-B", address},
                       "frontend_listen_addr (" + address + ") and backend_listen_addr (" + address +
                           ") are in one place, and each needs an address of its own: change one\n");
    expect_usage_error({command, "-B", "tcp://localhost:5", "-D", "tcp://*:5"},
                       "backend_listen_addr (tcp://localhost:5) and administrative_listen_addr (tcp://*:5) are in one");
  }
}

TEST_F(CommandsTest, ARouterListensAtLocalhost) {
  EmqProcess router({"router", "-F", "tcp://localhost:*"}, environment_);
  ASSERT_TRUE(router.wait_for("listening on tcp://127.0.0.1:")) << router.err;
  EXPECT_THAT(router.err, testing::Not(HasSubstr("beyond this machine")));
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0) << router.err;
}

TEST_F(CommandsTest, WrongSettingsStopACommand) {
  environment_["EVENTMQ_HMW"] = "5";
  expect_usage_error({"status"}, "EVENTMQ_HMW sets nothing; did you mean EVENTMQ_HWM?\n");
  environment_.erase("EVENTMQ_HMW");
  std::ofstream(folder_.file("conf")) << "[router]\nhwm = x\n";
  expect_usage_error({"router", "-C", folder_.file("conf")}, folder_.file("conf") + ":2: hwm must be a whole number");
  expect_usage_error(
      {"router", "--config", folder_.file("none")},
      "the settings file " + folder_.file("none") +
          " cannot be read (No such file or directory): let this user read it, or name another with --config\n");
}

TEST_F(CommandsTest, WithoutARouterTheExitCodeIsThree) {
  environment_["EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR"] = "tcp://127.0.0.1:1";
  environment_["EMQ_BROKER_ADDR"] = "tcp://127.0.0.1:1";
  const Ran status = emq({"status"});
  EXPECT_EQ(status.code, 3);
  EXPECT_THAT(status.err, HasSubstr("no router answers at tcp://127.0.0.1:1"));
  EXPECT_EQ(emq({"shutdown"}).code, 3);
  EXPECT_EQ(emq({"jobs", "cancel", "x"}).code, 3);
  const Ran send = emq({"send", "math.add", "2", "3", "--wait", "--reply-timeout", "0.2"});
  EXPECT_EQ(send.code, 3);
  EXPECT_THAT(send.err, HasSubstr("no broker answers at tcp://127.0.0.1:1"));
  const Ran bounded = emq({"send", "math.add", "2", "3", "--wait-timeout", "0.2", "--reply-timeout", "120"});
  EXPECT_EQ(bounded.code, 3) << "a shorter wait is the limit of both";
  EXPECT_THAT(bounded.err, HasSubstr("no broker answers at tcp://127.0.0.1:1"));
}

TEST_F(CommandsTest, VersionAndCompletionAreThere) {
  EXPECT_THAT(emq({"--version"}).out, HasSubstr("eMQP/1.0"));
  EXPECT_EQ(Json::parse(emq({"version", "--json"}).out)["name"], "eventmq");
  const Ran script = emq({"completion", "bash"});
  EXPECT_THAT(script.out, EndsWith("complete -F _emq emq\n"));
}

TEST_F(CommandsTest, ConfigSaysWhereEachValueCameFrom) {
  std::ofstream(folder_.file("conf"))
      << "[router]\nhwm = 5\nmax_deliveries = 6\n[jobmanager]\nheartbeat_interval = 2\n";
  environment_["EVENTMQ_MAX_DELIVERIES"] = "7";
  const Ran ran = emq({"config", "--json", "-C", folder_.file("conf"), "--retry-backoff", "2m"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::map<std::string, std::string> found;
  const Json answer = Json::parse(ran.out);
  for (const Json& row : answer["settings"]) {
    found[row["name"]] = row["value"].get<std::string>() + " " + row["source"].get<std::string>() + " " +
                         row["where"].get<std::string>();
  }
  EXPECT_EQ(found["hwm"], "5 file " + folder_.file("conf") + ":2");
  EXPECT_EQ(found["max_deliveries"], "7 environment EVENTMQ_MAX_DELIVERIES");
  EXPECT_EQ(found["retry_backoff"], "120 flag --retry-backoff");
  EXPECT_EQ(found["heartbeat_interval"], "3 default ");
  EXPECT_THAT(emq({"config", "-C", folder_.file("conf"), "--for", "jobmanager"}).out,
              HasSubstr(folder_.file("conf") + ":5"));
}

TEST_F(CommandsTest, AMemoryStoreIsWarnedOf) {
  EmqProcess router({"router", "--store", "memory"}, environment_);
  ASSERT_TRUE(router.wait_for("listening on"));
  EXPECT_THAT(router.err, HasSubstr("are lost when this router stops"));
  EXPECT_THAT(emq({"status"}).out, HasSubstr("memory, not durable: jobs are lost when the router stops"));
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0) << router.err;
}

TEST_F(CommandsTest, TwoRoutersDoNotShareAFile) {
  EmqProcess first({"router"}, environment_);
  ASSERT_TRUE(first.wait_for("listening on"));
  const std::string any = "tcp://127.0.0.1:*";
  auto elsewhere = environment_;
  elsewhere["EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR"] = any;
  EmqProcess second({"router", "-F", any, "-B", any}, elsewhere);
  ASSERT_TRUE(
      second.wait_for("the store is not available: another router (process " + std::to_string(first.pid()) + ") uses"));
  first.tell(SIGTERM);
  EXPECT_EQ(first.wait(), 0) << first.err;
  EXPECT_TRUE(second.wait_for("the store is there again")) << second.err;
  second.tell(SIGTERM);
  EXPECT_EQ(second.wait(), 0) << second.err;
}

TEST_F(CommandsTest, UpRefusesToStartBesideARouter) {
  EmqProcess first({"router"}, environment_);
  ASSERT_TRUE(first.wait_for("listening on"));
  const Ran second = emq({"up"});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("a router already runs at"));
  first.tell(SIGTERM);
  EXPECT_EQ(first.wait(), 0) << first.err;
}

// From the first moment that it can: its parts are not yet there, or do not catch signals themselves.
TEST_F(CommandsTest, UpStoppedAtItsVeryStartEndsInOrder) {
  for (const int number : {SIGINT, SIGTERM}) {
    EmqProcess up({"up", "-J", "1"}, environment_);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!up.catches(number) && std::chrono::steady_clock::now() < give_up) ::poll(nullptr, 0, 1);
    up.tell(number);
    EXPECT_EQ(up.wait(), 0) << up.out << up.err;
    EXPECT_THAT(up.out, HasSubstr("| stopped\n"));
  }
}

TEST_F(CommandsTest, UpStoppedWhileItsPartsStartEndsInOrder) {
  for (const char* moment : {"listening on", "know no job"}) {
    EmqProcess up({"up", "-J", "1"}, environment_);
    EXPECT_TRUE(up.wait_for(moment));
    up.tell(SIGINT);
    EXPECT_EQ(up.wait(), 0) << moment << up.out << up.err;
  }
}

TEST_F(CommandsTest, AJobManagerWithoutJobsWarns) {
  EmqProcess up({"up", "-J", "2"}, environment_);
  ASSERT_TRUE(up.wait_for("| ready; clients connect to")) << up.out << up.err;
  EXPECT_THAT(up.out, HasSubstr("know no job, so every job will end as unknown-job; name a plug-in"));
  EXPECT_THAT(up.out, HasSubstr("--load"));
  up.tell(SIGTERM);
  EXPECT_EQ(up.wait(), 0) << up.out;
}

TEST_F(CommandsTest, APlugInThatCannotBeLoadedEndsUpAtOnceWithASentence) {
  std::ofstream(folder_.file("broken.so")) << "no library";
  for (const char* name : {"missing.so", "broken.so"}) {
    const Ran up = emq({"up", "-J", "8", "--load", folder_.file(name)});
    EXPECT_EQ(up.code, 1);
    const std::string sentence = "no worker process can be started: cannot load " + folder_.file(name);
    EXPECT_THAT(up.out, HasSubstr("jobmanager | emq: " + sentence));
    EXPECT_EQ(up.out.find(sentence), up.out.rfind(sentence)) << "said once\n" << up.out;
    EXPECT_THAT(up.out, testing::Not(HasSubstr("the next one is started"))) << "no process is tried again";
    EXPECT_THAT(up.out, HasSubstr("jobmanager ended at its start with exit code 1"));
  }
}

TEST_F(CommandsTest, WhatThisVersionHasNotIsSaid) {
  for (const char* program : {"emq-scheduler", "emq-pubsub"}) {
    const Ran ran = emq({"-C", "conf"}, "", program);
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, testing::AllOf(StartsWith("emq: this version "), HasSubstr(program)));
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  }
  expect_usage_error({"schedule", "add"}, "this version has no scheduler");
  expect_usage_error({"subscribe", "topic"}, "this version does not publish and subscribe");
  expect_usage_error({"top"}, "there is no command top; `emq help` lists them\n");
}

TEST_F(CommandsTest, APortThatIsTakenIsNamed) {
  const test::TakenPort taken;
  environment_["EVENTMQ_BACKEND_LISTEN_ADDR"] = taken.address();
  const Ran router = emq({"router"});
  EXPECT_EQ(router.code, 1);
  EXPECT_THAT(router.err, HasSubstr(taken.address()));
  EXPECT_THAT(router.err, HasSubstr("backend_listen_addr"));
  const Ran up = emq({"up"});
  EXPECT_EQ(up.code, 1);
  EXPECT_THAT(up.out, HasSubstr(taken.address()));
  EXPECT_THAT(up.out, HasSubstr("router ended at its start with exit code 1; its lines above say why"));
}

TEST_F(CommandsTest, HupReadsTheSettingsAgain) {
  const std::string path = folder_.file("conf");
  environment_["EVENTMQ_CONFIG_FILE"] = path;
  std::ofstream(path) << "[router]\nhwm = 5\n";
  EmqProcess router({"router"}, environment_);
  ASSERT_TRUE(router.wait_for("listening on"));
  std::ofstream(path) << "[router]\nhwm = x\n";
  router.tell(SIGHUP);
  ASSERT_TRUE(router.wait_for("the settings stay as they are"));
  std::ofstream(path) << "[router]\nhwm = 5\n";
  router.tell(SIGHUP);
  ASSERT_TRUE(router.wait_for("settings read again: nothing changed"));
  EXPECT_THAT(router.err, testing::Not(HasSubstr("settings changed")));
  std::ofstream(path) << "[router]\nhwm = 6\nmax_message_size = 1M\n";
  router.tell(SIGHUP);
  ASSERT_TRUE(router.wait_for("settings changed"));
  EXPECT_THAT(router.err,
              HasSubstr("setting max_message_size has changed; it takes effect when the router starts again"));
  std::ofstream(path)
      << "[router]\nhwm = 6\nmax_message_size = 1M\n[jobmanager]\nconcurrent_jobs = 9\nhwm = 1\nload = x\n";
  router.tell(SIGHUP);
  const std::string unchanged = "settings read again: nothing changed";
  while (router.err.find(unchanged) == router.err.rfind(unchanged)) ASSERT_TRUE(router.wait_for_more());
  for (const char* foreign : {"concurrent_jobs", "load", "hwm has"}) {
    EXPECT_THAT(router.err, testing::Not(HasSubstr(foreign))) << "these are not the router's";
  }
  router.tell(SIGTERM);
  EXPECT_EQ(router.wait(), 0);
}

TEST_F(CommandsTest, AJobManagerWorksWithoutAnyStandardDescriptor) {
  EmqProcess router({"router"}, environment_);
  ASSERT_TRUE(router.wait_for("listening on"));
  const pid_t manager = ::fork();
  if (manager == 0) {
    for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    ::execl(EVENTMQ_BINARY_DIR "/emq", "emq", "jobmanager", "--name", "w", "-J", "1", nullptr);
    ::_exit(127);
  }
  const Ran ran = emq({"send", "no.such", "--wait", "--wait-timeout", "120"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, StartsWith("emq: unknown-job"));
  ::kill(manager, SIGTERM);
  int status = -1;
  ::waitpid(manager, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(CommandsTest, UpGivesTheJobManagersTheNameOfTheirSection) {
  const std::string path = folder_.file("conf");
  environment_["EVENTMQ_CONFIG_FILE"] = path;
  std::ofstream(path) << "[router]\nname = the-router\n[jobmanager]\nname = jm\n";
  EmqProcess up({"up", "-J", "1", "--jobmanagers", "2"}, environment_);
  ASSERT_TRUE(up.wait_for("ready; clients connect to")) << up.out;
  const std::string workers = emq({"workers", "--json"}).out;
  EXPECT_THAT(workers, HasSubstr("\"jm-1\""));
  EXPECT_THAT(workers, HasSubstr("\"jm-2\""));
  up.tell(SIGTERM);
  EXPECT_EQ(up.wait(), 0) << up.out;
}

TEST_F(CommandsTest, UpDoesNotWaitForJobManagersOfAnotherRouter) {
  const std::string elsewhere = "ipc://" + folder_.file("elsewhere");
  EmqProcess up({"up", "-J", "1", "--connect-addr", elsewhere}, environment_);
  ASSERT_TRUE(up.wait_for("; the job managers connect to " + elsewhere + "; Ctrl-C stops")) << up.out;
  up.tell(SIGTERM);
  EXPECT_EQ(up.wait(), 0) << up.out;
}

class RunningSystemTest : public CommandsTest {
 protected:
  RunningSystemTest() {
    environment_["EMQ_BROKER_ADDR"] = environment_["EVENTMQ_FRONTEND_LISTEN_ADDR"];
    up_ = std::make_unique<EmqProcess>(std::vector<std::string>{"up", "-J", "1", "--name", "w"}, environment_);
  }
  void SetUp() override { ASSERT_TRUE(up_->wait_for("ready; clients connect to")) << up_->out << up_->err; }
  Json json(const std::vector<std::string>& words) {
    const Ran ran = emq(words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return Json::parse(ran.out, nullptr, false);
  }

  std::unique_ptr<EmqProcess> up_;
};

TEST_F(RunningSystemTest, ListingsShowWhatIsThere) {
  EXPECT_EQ(json({"workers", "--json"})["workers"][0]["id"], "w");
  EXPECT_THAT(emq({"workers"}).out, HasSubstr("10,default"));
  EXPECT_EQ(json({"status", "--json"})["store"]["durable"], true);
  EXPECT_THAT(emq({"status"}).out, HasSubstr("store    sqlite, durable\n"));
  EXPECT_THAT(emq({"queues"}).out, HasSubstr("default"));
  EXPECT_EQ(emq({"schedulers"}).out, "no schedulers are connected\n");
  EXPECT_EQ(emq({"jobs"}).out, "no jobs\n");
}

TEST_F(RunningSystemTest, AJobNobodyKnowsFailsWithItsWord) {
  const Ran ran = emq({"send", "no.such", "--wait"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, StartsWith("emq: unknown-job"));
  EXPECT_EQ(Json::parse(emq({"send", "no.such", "--wait", "--json"}).out)["outcome"], "unknown-job");
}

TEST_F(RunningSystemTest, AJobCanBeFollowedAndCancelled) {
  const Ran sent =
      emq({"send", "some.job", "[1,2]", "-5", "two", "--queue", "nobodys", "--priority", "7", "--guarantee"});
  ASSERT_EQ(sent.code, 0) << sent.err;
  const std::string id = sent.out.substr(0, sent.out.find('\n'));
  const Json row = json({"jobs", "list", "--json", "--queue", "nobodys"})["jobs"][0];
  EXPECT_EQ(row["id"], id);
  EXPECT_EQ(row["name"], "some.job");
  EXPECT_EQ(row["priority"], 7);
  EXPECT_EQ(emq({"jobs", "explain", id}).out, "It waits because no worker serves queue nobodys.\n");
  EXPECT_THAT(emq({"jobs", "show", id}).out, HasSubstr(id));
  EXPECT_EQ(emq({"jobs", "cancel", id}).out, "cancelled\n");
  EXPECT_EQ(emq({"jobs", "cancel", id}).code, 1);
  EXPECT_EQ(emq({"jobs", "show", "nothing"}).code, 1);
  EXPECT_EQ(json({"status", "--json"})["totals"]["cancelled"], 1);
}

TEST_F(RunningSystemTest, WaitingTooLongIsExitCodeFour) {
  // The router must take the job within this time, however busy the machine is.
  const Ran ran = emq({"send", "some.job", "--queue", "nobodys", "--wait-timeout", "5"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("has not ended within 5 s"));
}

TEST_F(RunningSystemTest, TheShellRunsCommandsFromAPipe) {
  const Ran ran = emq({"shell"}, "workers\n# a comment\n\njobs\nemq version\nup\nhelp status\nexit\nqueues\n");
  EXPECT_EQ(ran.code, 2) << "of `up`";
  EXPECT_THAT(ran.out, HasSubstr("10,default"));
  EXPECT_THAT(ran.out, HasSubstr("no jobs\n"));
  EXPECT_THAT(ran.out, HasSubstr("Usage: emq status"));
  EXPECT_THAT(ran.out, testing::Not(HasSubstr("ACCEPTED")));
  EXPECT_THAT(ran.err, HasSubstr("up runs in a terminal of its own: emq up"));
}

TEST_F(RunningSystemTest, TheOriginalsCliWorks) {
  const std::string address = environment_["EVENTMQ_ADMINISTRATIVE_LISTEN_ADDR"];
  const Ran ran = emq({"-a", address}, "status\nshow_workers\nshow_schedulers\nqueues\njobs\nquit\n", "emq-cli");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("no jobs\n"));
  for (const char* text : {"waiting_messages_by_queue", "connected_workers", "connected_schedulers", "ACCEPTED"}) {
    EXPECT_THAT(ran.out, HasSubstr(text));
  }
  EXPECT_EQ(emq({"-a", address, "shutdown"}, "", "emq-cli").code, 0);
  EXPECT_EQ(up_->wait(), 0) << up_->out;
}

TEST_F(RunningSystemTest, TheOriginalsJobManagerJoins) {
  EmqProcess manager(
      {"-B", environment_["EVENTMQ_BACKEND_LISTEN_ADDR"], "-Q", "20,heavy", "10,light", "-J", "1", "-n", "second"},
      environment_, "emq-jobmanager");
  EmqProcess watched({"send", "no.such", "--queue", "heavy", "--wait"}, environment_);
  EXPECT_EQ(watched.wait(), 1);
  EXPECT_THAT(emq({"workers"}).out, HasSubstr("20,heavy 10,light"));
  manager.tell(SIGTERM);
  EXPECT_EQ(manager.wait(), 0) << manager.err;
}

TEST_F(RunningSystemTest, TermStopsEverythingInOrder) {
  up_->tell(SIGTERM);
  EXPECT_EQ(up_->wait(), 0) << up_->out;
  EXPECT_LT(up_->out.find("the job manager has stopped"), up_->out.find("the router has stopped"));
}

TEST_F(RunningSystemTest, ShutdownStopsEverything) {
  EXPECT_EQ(emq({"shutdown"}).code, 0);
  EXPECT_EQ(up_->wait(), 0) << up_->out;
}

}  // namespace
}  // namespace eventmq
