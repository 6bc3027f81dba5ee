// emq shell at a terminal.
#include <gtest/gtest.h>
#include <pty.h>

#include "src/programs/emq_process.h"

namespace eventmq {
namespace {

using test::ScratchFolder;

constexpr int kGenerousMs = 120'000;
constexpr const char* kControlC = "\x03";
constexpr const char* kControlD = "\x04";

// The shell, and the person who types.
class ShellTest : public testing::Test {
 protected:
  ShellTest() {
    process_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (process_ == 0) {
      for (const auto& [name, value] : test::environment_in(folder_)) ::setenv(name.c_str(), value.c_str(), 1);
      ::execl(EVENTMQ_BINARY_DIR "/emq", "emq", "shell", nullptr);
      ::_exit(127);
    }
  }
  ~ShellTest() override {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    ::close(terminal_);
  }

  void type(const std::string& text) { ASSERT_EQ(::write(terminal_, text.data(), text.size()), ssize_t(text.size())); }
  // Whether the text is shown, behind what was waited for before, as long as more comes within the time.
  bool shows_within(const std::string& text, int ms) {
    for (;;) {
      const size_t at = shown_.find(text, seen_);
      if (at != std::string::npos) {
        seen_ = at + text.size();
        return true;
      }
      if (!read_more(ms)) return false;
    }
  }
  void expect_shown(const std::string& text) {
    EXPECT_TRUE(shows_within(text, kGenerousMs)) << "no \"" << text << "\" in:\n" << shown_;
  }
  int wait_for_end() {
    while (read_more(kGenerousMs)) continue;
    int status = 0;
    ::waitpid(std::exchange(process_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void expect_to_work() {
    expect_shown("emq> ");
    type("version\n");
    expect_shown("version\r\n");
    expect_shown("emq ");
    expect_shown("emq> ");
  }

  bool ended_ = false;  // the shell

 private:
  bool read_more(int ms) {
    pollfd item{terminal_, POLLIN, 0};
    if (::poll(&item, 1, ms) <= 0) return false;
    char buffer[4096];
    const ssize_t got = ::read(terminal_, buffer, sizeof buffer);
    if (got > 0) shown_.append(buffer, static_cast<size_t>(got));
    ended_ = got <= 0;
    return got > 0;
  }

  ScratchFolder folder_;
  pid_t process_ = 0;
  int terminal_ = -1;
  std::string shown_;
  size_t seen_ = 0;
};

TEST_F(ShellTest, ControlCEndsTheCommandAndNotTheShell) {
  expect_shown("emq> ");
  type("send some.job --wait --reply-timeout 3600\n");  // no router will come
  expect_shown("3600\r\n");
  while (!shows_within("emq: interrupted", 50) && !ended_) type(kControlC);  // until the command has begun
  expect_to_work();
}

TEST_F(ShellTest, ControlCAtThePromptDropsTheLine) {
  expect_shown("emq> ");
  type(std::string("no.such.command") + kControlC);
  expect_shown("no.such.command^C");
  expect_to_work();
  type(kControlC);
  expect_shown("^C");
  expect_to_work();
}

TEST_F(ShellTest, ControlDLeaves) {
  expect_to_work();
  type(kControlD);
  EXPECT_EQ(wait_for_end(), 0);
}

}  // namespace
}  // namespace eventmq
