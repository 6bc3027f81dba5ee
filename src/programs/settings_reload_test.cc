#include "src/programs/settings_reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace eventmq {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PluginFilesTest : public testing::Test {
 protected:
  PluginFilesTest() : path_(testing::TempDir() + "plugin-" + std::to_string(::getpid()) + ".so") { build(0); }
  ~PluginFilesTest() override { fs::remove(path_); }

  void build(int hour) {
    std::ofstream(path_) << hour;
    fs::last_write_time(path_, began_ + std::chrono::hours(hour));
  }

  const fs::file_time_type began_ = fs::file_time_type::clock::now();
  const std::string path_;
};

TEST_F(PluginFilesTest, AFileThatWasBuiltAnewIsToldOnce) {
  PluginFiles files({path_});
  EXPECT_THAT(files.rebuilt({path_}), IsEmpty());
  build(1);
  EXPECT_THAT(files.rebuilt({path_}), ElementsAre(path_));
  EXPECT_THAT(files.rebuilt({path_}), IsEmpty());
}

TEST_F(PluginFilesTest, AFileThatIsGoneForAWhileIsComparedOnceItIsBack) {
  PluginFiles files({path_});
  fs::remove(path_);
  EXPECT_THAT(files.rebuilt({path_}), IsEmpty());
  build(1);
  EXPECT_THAT(files.rebuilt({path_}), ElementsAre(path_));
}

TEST_F(PluginFilesTest, AFileThatIsNewHereIsNotBuiltAnew) {
  PluginFiles files({});
  EXPECT_THAT(files.rebuilt({path_}), IsEmpty());
}

class ReadAgainTest : public testing::Test {
 protected:
  ReadAgainTest() {
    request_.config_path = testing::TempDir() + "again-" + std::to_string(::getpid()) + ".conf";
    write("");
  }
  ~ReadAgainTest() override { fs::remove(request_.config_path); }
  void write(const std::string& text) { std::ofstream(request_.config_path) << text; }

  LoadRequest request_;
};

// Or else peers that keep to the former time would be taken for gone.
TEST_F(ReadAgainTest, HeartbeatsStayAsTheyWereAtTheStart) {
  for (Section program : {Section::kRouter, Section::kJobmanager}) {
    request_.program = program;
    write("[global]\ndisable_heartbeats = yes\n");
    Settings current = *load_settings(request_);
    write("[global]\nheartbeat_interval = 0.5\nheartbeat_timeout = 1\n");
    EXPECT_EQ(read_settings_again(request_, "program", current), false);
    write("[global]\nheartbeat_interval = 0.5\nheartbeat_timeout = 1\nhwm = 7\nmax_job_count = 7\n");
    EXPECT_EQ(read_settings_again(request_, "program", current), true) << "something else did change";
    EXPECT_TRUE(current.is_on("disable_heartbeats"));
    EXPECT_EQ(current.duration("heartbeat_interval"), seconds(3));
    EXPECT_EQ(current.duration("heartbeat_timeout"), seconds(5));
    EXPECT_EQ(current.count("hwm"), 7u);
    EXPECT_FALSE(changes_that_need_restart(current, *load_settings(request_), program).empty()) << "told again";
  }
}

TEST(SettingsReloadTest, SettingsStayInForceWhenTheirFileIsGone) {
  LoadRequest request{.program = Section::kRouter};
  request.default_path = testing::TempDir() + "reload-" + std::to_string(::getpid()) + ".conf";
  std::ofstream(request.default_path) << "[router]\nhwm = 5\n";
  Settings settings = load_settings(request).value();
  fs::remove(request.default_path);
  const Result<bool> changed = read_settings_again(request, "router", settings);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().text,
            "the settings file " + request.default_path + " is gone: put it back, or an empty one for the defaults");
  EXPECT_EQ(settings.count("hwm"), 5u);
  EXPECT_FALSE(load_again(request, settings.file)) << "for whoever keeps only a part of them";
  EXPECT_TRUE(load_again(request, "")) << "there was none before";
}

}  // namespace
}  // namespace eventmq
