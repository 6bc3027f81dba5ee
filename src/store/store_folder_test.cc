#include "src/store/store_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

TEST(DiskFailsTest, ADiskThatTakesAFileDoesNot) {
  const TemporaryFolder folder;
  EXPECT_FALSE(disk_fails(folder.path()));
  EXPECT_FALSE(disk_fails(folder.file("not/made/yet")));
  EXPECT_FALSE(disk_fails("not-made-yet-either"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "nothing is left behind";
}

// Nor does waiting help where no file may be made: here that is so for root too.
TEST(DiskFailsTest, AFolderThatTakesNoFilesAtAllDoesNot) { EXPECT_FALSE(disk_fails("/proc")); }

TEST(StoreFolderTest, AStoreWasThereIfItsFileOrItsLogHoldsSomething) {
  const TemporaryFolder folder;
  const StorePaths paths(folder.path());
  EXPECT_FALSE(store_was_there(paths));
  ASSERT_TRUE(make_private(paths.database));
  EXPECT_FALSE(store_was_there(paths)) << "one that was made and found no space";
  for (const std::string& path : {paths.database, paths.log}) {
    std::ofstream(path) << "something";
    EXPECT_TRUE(store_was_there(paths));
    std::filesystem::remove(path);
  }
}

}  // namespace
}  // namespace eventmq
