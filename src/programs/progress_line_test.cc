#include "src/programs/progress_line.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace eventmq {
namespace {

class ProgressLineTest : public testing::Test {
 protected:
  std::string written() {
    std::string text(static_cast<size_t>(std::ftell(file_.get())), '\0');
    std::rewind(file_.get());
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file_.get()), text.size());
    return text;
  }

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{std::tmpfile(), &std::fclose};
};

TEST_F(ProgressLineTest, AJobThatEndsEarlyLeavesTheLine) {
  ProgressLine line(file_.get(), true);
  line.show(0.25, "a");
  line.show(0.5, "b");
  line.end();
  line.end();
  EXPECT_EQ(written(), "\r\x1b[K 25% a\r\x1b[K 50% b\n");
}

TEST_F(ProgressLineTest, TheWholeEndsTheLineOnce) {
  ProgressLine line(file_.get(), true);
  line.show(1, "");
  line.end();
  EXPECT_EQ(written(), "\r\x1b[K100% \n");
}

TEST_F(ProgressLineTest, WithoutCodesEachIsALine) {
  ProgressLine line(file_.get(), false);
  line.show(0.25, "a");
  line.show(0.5, "b\x1b");
  line.end();
  EXPECT_EQ(written(), " 25% a\n 50% b?\n");
}

}  // namespace
}  // namespace eventmq
