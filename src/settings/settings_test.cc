#include "src/settings/settings.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace eventmq {
namespace {

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() : path_(testing::TempDir() + "eventmq_settings_test_" + std::to_string(::getpid()) + ".conf") {
    request_.config_path = path_;
    file("");
  }
  ~SettingsTest() override { std::remove(path_.c_str()); }

  void file(const std::string& text) { std::ofstream(path_) << text; }
  Settings load() {
    auto settings = load_settings(request_);
    EXPECT_TRUE(settings.has_value()) << (settings ? "" : settings.error().text);
    return settings ? *settings : *load_settings({});
  }
  // The sentence that refuses the settings, with the file's path as F.
  std::string refusal() {
    const auto settings = load_settings(request_);
    if (settings) return "accepted";
    std::string text = settings.error().text;
    if (const size_t at = text.find(path_); at != std::string::npos) text.replace(at, path_.size(), "F");
    return text;
  }
  std::string warnings() {
    std::string all;
    for (std::string text : load().warnings) {
      if (const size_t at = text.find(path_); at != std::string::npos) text.replace(at, path_.size(), "F");
      all += text + "\n";
    }
    return all;
  }

  std::string path_;
  LoadRequest request_;
};

TEST_F(SettingsTest, DefaultsAreInForceWhereNothingIsSet) {
  const Settings settings = load();
  EXPECT_EQ(settings.text("frontend_listen_addr"), "tcp://127.0.0.1:47291");
  EXPECT_EQ(settings.count("hwm"), 1'000'000u);
  EXPECT_EQ(settings.duration("heartbeat_interval"), seconds(3));
  EXPECT_FALSE(settings.is_on("super_debug"));
  EXPECT_TRUE(settings.is_on("hide_heartbeat_logs"));
  EXPECT_EQ(settings.text("store"), "sqlite");
  EXPECT_EQ(settings.in_force("hwm").source, SettingSource::kDefault);
}

TEST_F(SettingsTest, FlagsWinOverEnvironmentOverFileOverDefault) {
  file("[router]\nhwm = 2\nmemory_limit = 2M\nretry_backoff = 2\n");
  request_.program = Section::kRouter;
  request_.environment = {{"EVENTMQ_HWM", "3"}, {"EVENTMQ_MEMORY_LIMIT", "3M"}};
  request_.flags = {{"hwm", "4", "--hwm"}};
  const Settings settings = load();
  EXPECT_EQ(settings.count("hwm"), 4u);
  EXPECT_EQ(settings.in_force("hwm").where, "--hwm");
  EXPECT_EQ(settings.count("memory_limit"), 3u * 1024 * 1024);
  EXPECT_EQ(settings.in_force("memory_limit").where, "EVENTMQ_MEMORY_LIMIT");
  EXPECT_EQ(settings.duration("retry_backoff"), seconds(2));
  EXPECT_EQ(settings.in_force("retry_backoff").where, path_ + ":4");
  EXPECT_EQ(settings.in_force("retry_backoff").source, SettingSource::kFile);
}

TEST_F(SettingsTest, AProgramsOwnSectionWinsOverGlobalWhereverItStands) {
  file("[jobmanager]\nheartbeat_interval = 1\n[global]\nheartbeat_interval = 2\n");
  request_.program = Section::kJobmanager;
  EXPECT_EQ(load().duration("heartbeat_interval"), seconds(1));
  request_.program = Section::kRouter;
  EXPECT_EQ(load().duration("heartbeat_interval"), seconds(2));
}

TEST_F(SettingsTest, ASettingOfOneProgramIsKnownToAll) {
  file("[router]\nadministrative_listen_addr = tcp://127.0.0.1:1\n");
  request_.program = Section::kGlobal;
  EXPECT_EQ(load().text("administrative_listen_addr"), "tcp://127.0.0.1:1");
}

TEST_F(SettingsTest, TheOriginalsFileIsAccepted) {
  file(R"([global]
super_debug = true
max_sockets = 1024
hide_heartbeat_logs = True
administrative_addr=tcp://0.0.0.0:47293
frontend_addr=tcp://0.0.0.0:47291
backend_addr=tcp://0.0.0.0:47290
worker_addr=tcp://eventmq:47290
scheduler_addr=tcp://eventmq:47291
[router]
[scheduler]
redis_client_class = redis.StrictRedis
connect_addr = tcp://x:1
queues = [[10, "default"]]
[jobmanager]
worker_addr=tcp://127.0.0.1:47290
queues=[[20,"heavy-cpu"], [30,"low-cpu"], [10,"default"]]
concurrent_jobs=2
# subprocess_setup_func = path.to.my_setup_function
[publisher]
publisher_incoming_addr=tcp://0.0.0.0:47298
frontend_listen_addr=tcp://0.0.0.0:47298
)");
  request_.program = Section::kJobmanager;
  const Settings settings = load();
  EXPECT_TRUE(settings.is_on("super_debug"));
  EXPECT_EQ(settings.text("frontend_listen_addr"), "tcp://0.0.0.0:47291");
  EXPECT_EQ(settings.list("connect_addr"), std::vector<std::string>{"tcp://127.0.0.1:47290"});
  const std::vector<QueueWeight> queues = {{20, Bytes("heavy-cpu")}, {30, Bytes("low-cpu")}, {10, Bytes("default")}};
  EXPECT_EQ(settings.queues("queues"), queues);
  EXPECT_EQ(settings.count("concurrent_jobs"), 2u);
  EXPECT_EQ(
      warnings(),
      "F:3: max_sockets has no effect: the number of sockets does not grow with the number of peers: remove it\n");
  request_.whole_file = true;
  EXPECT_NE(warnings().find("F:12: redis_client_class has no effect: EventMQ needs no Redis: remove it\n"),
            std::string::npos);
}

TEST_F(SettingsTest, RetiredSettingsWarnWhatReplacesThem) {
  for (std::string_view name : retired_settings()) {
    file("[global]\n" + std::string(name) + " = 1\n");
    EXPECT_NE(warnings().find(retired_setting_advice(name)), std::string::npos) << name;
  }
  file("");
  request_.environment = {{"EVENTMQ_WAL_ENABLED", "1"}};
  EXPECT_NE(warnings().find("EVENTMQ_WAL_ENABLED: "), std::string::npos);
}

TEST_F(SettingsTest, AnUnknownNameSuggestsTheNearest) {
  file("[router]\n\nhmw = 5\n");
  EXPECT_EQ(refusal(), "F:3: there is no setting hmw; did you mean hwm?");
  file("[router]\nbanana = 5\n");
  EXPECT_EQ(refusal(), "F:2: there is no setting banana; `emq config` lists them all");
  file("[jobmanger]\nqueues = a\n");
  EXPECT_EQ(refusal(), "F:2: there is no section [jobmanger]; did you mean [jobmanager]?");
  file("[fruit]\nqueues = a\n");
  EXPECT_EQ(refusal(),
            "F:2: there is no section [fruit]; they are global, router, scheduler, jobmanager and publisher");
  file("hwm = 5\n");
  EXPECT_EQ(refusal(), "F:1: a section line, for example [global], must come first");
}

TEST_F(SettingsTest, AMistypedVariableIsAnErrorAndAForeignOneIsNot) {
  request_.environment = {{"EVENTMQ_CONCURENT_JOBS", "5"}};
  EXPECT_EQ(refusal(), "EVENTMQ_CONCURENT_JOBS sets nothing; did you mean EVENTMQ_CONCURRENT_JOBS?");
  request_.environment = {{"EVENTMQ_PORT_47291_TCP_ADDR", "10.0.0.1"}, {"EVENTMQ_SERVICE_HOST", "10.0.0.1"}};
  EXPECT_EQ(warnings(), "");
  request_.environment = {{"EVENTMQ_BANANA", "1"}};
  EXPECT_EQ(warnings(), "EVENTMQ_BANANA has no effect: there is no such setting\n");
}

TEST_F(SettingsTest, ABadValueNamesItsPlace) {
  file("[router]\nhwm = x\n");
  EXPECT_EQ(refusal(), R"(F:2: hwm must be a whole number from 1 to 1000000000, not "x")");
  file("");
  request_.environment = {{"EVENTMQ_HWM", "x"}};
  EXPECT_EQ(refusal(), R"(EVENTMQ_HWM: hwm must be a whole number from 1 to 1000000000, not "x")");
  request_.environment.clear();
  request_.flags = {{"hwm", "x", "--high-water-mark"}};
  EXPECT_EQ(refusal(), R"(--high-water-mark: hwm must be a whole number from 1 to 1000000000, not "x")");
}

TEST_F(SettingsTest, ABadVariableOfAnotherProgramIsNotOurs) {
  request_.environment = {{"EVENTMQ_NAME", "a b"}, {"EVENTMQ_HWM", "x"}};
  for (const Section program : {Section::kGlobal, Section::kRouter}) {
    request_.program = program;
    EXPECT_EQ(refusal(), R"(EVENTMQ_HWM: hwm must be a whole number from 1 to 1000000000, not "x")");
  }
  request_.program = Section::kJobmanager;
  EXPECT_EQ(refusal().substr(0, 26), "EVENTMQ_NAME: name must be");
  request_.environment.erase("EVENTMQ_HWM");
  request_.program = Section::kRouter;
  EXPECT_EQ(load().text("name"), "");
  request_.whole_file = true;
  EXPECT_EQ(refusal().substr(0, 26), "EVENTMQ_NAME: name must be") << "as for a job manager that it starts";
}

TEST_F(SettingsTest, ASettingStandsOnceInASection) {
  file("[jobmanager]\nconnect_addr = tcp://a:1\nworker_addr = tcp://b:1\n");
  EXPECT_EQ(refusal(), "F:3: connect_addr is already set in line 2: keep one");
}

TEST_F(SettingsTest, AMisplacedSettingWarnsAndDoesNotCount) {
  file("[jobmanager]\nhwm = 5\n");
  EXPECT_EQ(warnings(), "F:2: hwm has no effect in [jobmanager]; move it to [router] or [global]\n");
  EXPECT_EQ(load().count("hwm"), 1'000'000u);
}

std::string unreadable(const std::string& path, const std::string& reason) {
  return "the settings file " + path + " cannot be read (" + reason +
         "): let this user read it, or name another with --config";
}

TEST_F(SettingsTest, OnlyADefaultFileThatDoesNotExistIsPassedOver) {
  request_.config_path.clear();
  request_.default_path = path_;
  EXPECT_EQ(load().file, path_);
  request_.default_path = path_ + "/eventmq.conf";
  EXPECT_EQ(load().file, "") << "below what is no folder";
  request_.default_path = path_ + ".none";
  EXPECT_EQ(load().file, "");
  const std::string loop = path_ + ".loop";
  ASSERT_EQ(::symlink(loop.c_str(), loop.c_str()), 0);
  request_.default_path = loop;
  const auto settings = load_settings(request_);
  std::remove(loop.c_str());
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kSystem);
  EXPECT_EQ(settings.error().text, unreadable(loop, "Too many levels of symbolic links"));
  request_.default_path = testing::TempDir();
  EXPECT_EQ(refusal(), unreadable(testing::TempDir(), "Is a directory"));
}

TEST_F(SettingsTest, TheFileOfAFlagWinsOverTheVariables) {
  file("[router]\nhwm = 5\n");
  request_.environment = {{"EVENTMQ_CONFIG_FILE", "/nonexistent/eventmq.conf"}};
  EXPECT_EQ(load().count("hwm"), 5u);
  request_.config_path.clear();
  EXPECT_EQ(refusal(), unreadable("/nonexistent/eventmq.conf", "No such file or directory"));
  request_.environment["EVENTMQ_CONFIG_FILE"] = "/";
  EXPECT_EQ(refusal(), unreadable("/", "Is a directory"));
  request_.environment["EVENTMQ_CONFIG_FILE"] = path_;
  EXPECT_EQ(load().count("hwm"), 5u);
  EXPECT_EQ(load().file, path_);
}

TEST_F(SettingsTest, QueuesWithoutAWeightGetTheDefaultOne) {
  request_.flags = {{"queues", "a 20,b", "-Q"}, {"default_queue_weight", "7", "--default-queue-weight"}};
  const std::vector<QueueWeight> queues = {{7, Bytes("a")}, {20, Bytes("b")}};
  EXPECT_EQ(load().queues("queues"), queues);
}

TEST_F(SettingsTest, WithoutQueuesTheDefaultQueueIsServed) {
  request_.flags = {{"default_queue_name", "main", "--default-queue-name"}};
  EXPECT_EQ(load().queues("queues"), (std::vector<QueueWeight>{{10, Bytes("main")}}));
}

TEST_F(SettingsTest, RouterAddressesAreTriedInOrder) {
  EXPECT_EQ(router_addresses(load()), std::vector<std::string>{"tcp://127.0.0.1:47290"});
  file("[jobmanager]\nworker_addr_default = tcp://a:1\nworker_addr_failover = tcp://b:1\n");
  EXPECT_EQ(router_addresses(load()), (std::vector<std::string>{"tcp://a:1", "tcp://b:1"}));
  file("[jobmanager]\nconnect_addr = tcp://c:1,tcp://b:1\nworker_addr_failover = tcp://b:1\n");
  EXPECT_EQ(router_addresses(load()), (std::vector<std::string>{"tcp://c:1", "tcp://b:1"}));
}

TEST_F(SettingsTest, TheStartHookHasAnOldAndANewSpelling) {
  EXPECT_EQ(start_hook(load()), "");
  file("[jobmanager]\nsetup_path = app.jobs\nsetup_callable = begin\n");
  EXPECT_EQ(start_hook(load()), "app.jobs.begin");
  request_.flags = {{"subprocess_setup_func", "other.begin", "--subprocess-setup-func"}};
  EXPECT_EQ(start_hook(load()), "other.begin");
  file("[jobmanager]\nsetup_path = app.jobs\n");
  EXPECT_EQ(warnings(), "setup_path and setup_callable belong together; subprocess_setup_func holds both in one\n");
}

TEST_F(SettingsTest, SettingsThatContradictEachOtherAreNoticed) {
  file("[router]\nretry_backoff = 700\n");
  EXPECT_EQ(refusal(), "F:2: retry_backoff must not be longer than retry_backoff_max, which is 600 s");
  file("[global]\nheartbeat_interval = 5\n");
  EXPECT_EQ(warnings(),
            "heartbeat_interval should be shorter than heartbeat_timeout, or idle peers are taken for gone\n");
}

TEST_F(SettingsTest, TheDataFolderFollowsTheEnvironment) {
  request_.environment = {{"HOME", "/h"}};
  EXPECT_EQ(load().text("data_dir"), "/h/.local/state/eventmq");
  request_.environment["XDG_STATE_HOME"] = "/x";
  EXPECT_EQ(load().text("data_dir"), "/x/eventmq");
  request_.environment["STATE_DIRECTORY"] = "/var/lib/private/eventmq";
  EXPECT_EQ(load().text("data_dir"), "/var/lib/private/eventmq");
  request_.environment["EVENTMQ_DATA_DIR"] = "/d";
  EXPECT_EQ(load().text("data_dir"), "/d");
}

TEST_F(SettingsTest, ChangesThatNeedARestartAreNamed) {
  const Settings before = load();
  file("[router]\nhwm = 5\nbackend_listen_addr = tcp://127.0.0.1:1\n");
  EXPECT_EQ(changes_that_need_restart(before, load(), Section::kRouter),
            std::vector<std::string>{"backend_listen_addr"});
  EXPECT_TRUE(has_live_changes(before, load(), Section::kRouter));
  EXPECT_FALSE(has_live_changes(load(), load(), Section::kRouter));
}

TEST_F(SettingsTest, WhatNeedsARestartStaysAsItIs) {
  const Settings running = load();
  file("[global]\nheartbeat_interval = 0.5\nheartbeat_timeout = 1\ndisable_heartbeats = yes\nhwm = 5\n");
  Settings read = load();
  for (Section program : {Section::kRouter, Section::kJobmanager}) {
    EXPECT_EQ(changes_that_need_restart(running, read, program),
              (std::vector<std::string>{"disable_heartbeats", "heartbeat_interval", "heartbeat_timeout"}));
  }
  read.keep_until_restart(running);
  EXPECT_EQ(read.duration("heartbeat_interval"), seconds(3));
  EXPECT_EQ(read.duration("heartbeat_timeout"), seconds(5));
  EXPECT_FALSE(read.is_on("disable_heartbeats"));
  EXPECT_EQ(read.count("hwm"), 5u);
}

TEST_F(SettingsTest, AProgramSpeaksOnlyOfItsOwnSettings) {
  request_.program = Section::kRouter;
  const Settings before = load();
  file("[global]\nconcurrent_jobs = 7\nhwm = 5\n[jobmanager]\nconcurrent_jobs = many\nbanana = 1\nhwm = 6\n");
  EXPECT_EQ(warnings(), "");
  EXPECT_EQ(changes_that_need_restart(before, load(), Section::kRouter), std::vector<std::string>{});
  EXPECT_TRUE(has_live_changes(before, load(), Section::kRouter));
  EXPECT_FALSE(has_live_changes(before, load(), Section::kJobmanager));
  request_.program = Section::kJobmanager;
  EXPECT_EQ(refusal(), R"(F:5: concurrent_jobs must be a whole number from 1 to 1000, not "many")");
  request_.program = Section::kRouter;
  request_.whole_file = true;
  EXPECT_EQ(refusal(), R"(F:5: concurrent_jobs must be a whole number from 1 to 1000, not "many")");
}

TEST_F(SettingsTest, AProgramIsOfferedOnlyWhatItUses) {
  for (const char* name : {"name", "default_queue_weight", "heartbeat_liveness"}) {
    EXPECT_EQ(find_setting(name)->section, Section::kJobmanager) << name;
  }
  EXPECT_EQ(find_setting("hide_heartbeat_logs")->section, Section::kRouter);
  request_.program = Section::kRouter;
  file("[global]\nheartbeat_liveness = 2\n[router]\nname = r\n");
  EXPECT_EQ(warnings(), "F:4: name has no effect in [router]; move it to [jobmanager] or [global]\n");
}

}  // namespace
}  // namespace eventmq
