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

}  // namespace
}  // namespace eventmq
