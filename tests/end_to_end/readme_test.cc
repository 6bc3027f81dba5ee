// The README keeps its word: every command in its sh and console blocks is run, from the folder that it speaks of,
// against a running system, and what it prints is what the README shows.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

struct Command {
  int line = 0;
  std::string text;
  std::string output;  // as shown; empty if none is
};

// `./run` and `./test` install packages and build everything: ./test itself runs `./run --check`.
bool is_run_elsewhere(const std::string& text) {
  return std::set<std::string>{"./run", "./test", "./run --check"}.contains(text);
}

// In a sh block every line is a command; in a console block those that begin with "$ ", and what follows is their
// output.
std::vector<Command> commands_of(std::istream& readme) {
  std::vector<Command> commands;
  std::string block;
  int number = 0;
  for (std::string line; std::getline(readme, line);) {
    ++number;
    if (line.starts_with("```")) {
      block = block.empty() ? line.substr(3) + " " : "";
    } else if (block == "sh ") {
      if (!line.empty() && !line.starts_with("#")) commands.push_back({number, line, ""});
    } else if (block == "console ") {
      if (line.starts_with("$ ")) {
        commands.push_back({number, line.substr(2), ""});
      } else if (!commands.empty()) {
        commands.back().output += line + "\n";
      }
    }
  }
  return commands;
}

TEST(ReadmeCommandsTest, AreFoundInTheirBlocks) {
  std::istringstream text(
      "a\n```sh\n./run\n# no command\n```\n```cpp\nint a;\n```\n```console\n$ emq a\nb\nc\n$ emq d\n```\n");
  const auto commands = commands_of(text);
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_EQ(commands[0].text, "./run");
  EXPECT_EQ(commands[0].line, 3);
  EXPECT_EQ(commands[1].text, "emq a");
  EXPECT_EQ(commands[1].output, "b\nc\n");
  EXPECT_EQ(commands[2].output, "");
}

class ReadmeTest : public SystemTest {
 protected:
  ReadmeTest() : SystemTest({{"RETRY_BACKOFF", "0.01"}}) {
    start_manager("m");
    std::filesystem::create_symlink(EVENTMQ_BINARY_DIR, file("build"));
  }
};

TEST_F(ReadmeTest, EveryCommandDoesWhatIsShown) {
  std::ifstream readme(EVENTMQ_SOURCE_DIR "/README.md");
  const auto commands = commands_of(readme);
  int ran = 0;
  for (const Command& command : commands) {
    if (is_run_elsewhere(command.text)) continue;
    const Ran result = run({"/bin/sh", "-c", command.text + " 2>&1"}, variables_, folder_.path());
    ++ran;
    const std::string where = "README.md:" + std::to_string(command.line) + ": " + command.text;
    EXPECT_NE(result.code, 127) << where << " is no command: " << result.out;
    EXPECT_NE(result.code, 2) << where << " is wrong usage: " << result.out;
    if (command.output.empty()) {
      EXPECT_EQ(result.code, 0) << where << ": " << result.out;
    } else {
      EXPECT_EQ(result.out, command.output) << where;
    }
  }
  EXPECT_GE(ran, 3) << "the README shows commands";
}

// In the text, `emq ...` stands for a command that there is.
TEST_F(ReadmeTest, EveryCommandOfTheTableHasHelp) {
  std::ifstream readme(EVENTMQ_SOURCE_DIR "/README.md");
  std::set<std::string> names;
  for (std::string line; std::getline(readme, line);) {
    if (!line.starts_with("| `emq ")) continue;
    const size_t end = line.find(" |", 2);
    std::istringstream words(line.substr(0, end).substr(7));
    std::string group;
    for (std::string word; words >> word;) {
      while (!word.empty() && (word.back() == ',' || word.back() == '`')) word.pop_back();
      while (!word.empty() && word.front() == '`') word.erase(0, 1);
      const bool is_group = word == "jobs" || word == "dead";
      if (is_group) group = word + " ";
      if (is_group || word == "emq" || word.empty() || !std::islower(static_cast<unsigned char>(word.front())))
        continue;
      names.insert(group + word);
    }
  }
  EXPECT_GE(names.size(), 10u);
  for (const std::string& name : names) {
    std::istringstream words(name);
    std::vector<std::string> command = {"help"};
    for (std::string word; words >> word;) command.push_back(word);
    EXPECT_EQ(emq(command).code, 0) << "emq " << name;
  }
}

}  // namespace
}  // namespace eventmq::end_to_end
