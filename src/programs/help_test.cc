#include "src/programs/help.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

namespace eventmq {
namespace {

std::string page(const std::string& path) {
  std::ifstream stream(std::string(EVENTMQ_SOURCE_DIR) + path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(HelpTest, ThePageOfCommandsIsWhatTheTableSays) {
  EXPECT_EQ(page("/docs/commands.md"), commands_docs()) << "run: emq help --docs > docs/commands.md";
}

TEST(HelpTest, EveryCommandIsWhole) {
  for (const Command& command : all_commands()) {
    EXPECT_NE(command.run, nullptr) << command.name;
    EXPECT_TRUE(command.summary.ends_with('.')) << command.name;
    for (const ArgumentSpec& argument : command.arguments) EXPECT_TRUE(argument.help.ends_with('.')) << command.name;
    std::set<std::string> names;
    for (const FlagSpec& flag : flags_of(command)) {
      EXPECT_FALSE(flag.help.empty()) << command.name;
      const bool takes_value = flag.kind != FlagKind::kSwitch && flag.kind != FlagKind::kYesNo;
      EXPECT_EQ(takes_value, !flag.value_word.empty()) << command.name << " " << long_name(flag);
      for (const std::string& name : flag.names) EXPECT_TRUE(names.insert(name).second) << command.name << " " << name;
    }
  }
}

TEST(HelpTest, AYesNoFlagStandsAlone) {
  const Command* router = find_command(std::vector<std::string>{"router"}).command;
  EXPECT_NE(command_help(*router).find("  --super-debug, --no-super-debug"), std::string::npos);
  const std::vector<FlagSpec> flags = flags_of(*router);
  const auto line = parse_command_line(flags, {"--super-debug", "--no-super-debug"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_FALSE(line->has("--super-debug"));
}

TEST(HelpTest, EveryListingTakesJson) {
  for (const char* name : {"status", "queues", "workers", "schedulers", "jobs list", "jobs show", "dead list",
                           "dead show", "dead retry", "dead delete", "verify", "config"}) {
    std::vector<std::string> words;
    for (std::string_view word : split_words(name)) words.emplace_back(word);
    const Command* command = find_command(words).command;
    ASSERT_NE(command, nullptr) << name;
    EXPECT_NE(command_help(*command).find("--json"), std::string::npos) << name;
  }
}

TEST(HelpTest, HelpFitsATerminal) {
  for (const Command& command : all_commands()) {
    std::istringstream lines(command_help(command));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), 120u) << command.name << ": " << line;
  }
}

TEST(HelpTest, CompletionKnowsEveryCommandAndFlag) {
  const std::string script = bash_completion();
  for (const Command& command : all_commands()) {
    for (std::string_view word : split_words(command.name)) EXPECT_NE(script.find(word), std::string::npos) << word;
    for (const FlagSpec& flag : flags_of(command)) EXPECT_NE(script.find(long_name(flag)), std::string::npos);
  }
}

// What bash offers for the words, the last of which is being typed, in a folder with a file named "bench".
std::string completed(const std::string& words) {
  const std::string script = "cd $(mktemp -d); touch bench status\n" + bash_completion() +
                             "compopt() { COMPREPLY=(); offers=files:; }\n"
                             "COMP_WORDS=(emq " +
                             words +
                             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _emq\n"
                             "echo $offers ${COMPREPLY[*]}; rm bench status; rmdir $PWD\n";
  const std::string path = testing::TempDir() + "completion-" + std::to_string(::getpid());
  std::ofstream(path) << script;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> bash(::popen(("bash " + path).c_str(), "r"), &::pclose);
  std::array<char, 4096> line{};
  const bool read = std::fgets(line.data(), line.size(), bash.get()) != nullptr;
  std::remove(path.c_str());
  return read ? line.data() : "";
}

TEST(HelpTest, CompletionOffersFilesOnlyWhereOneMayStand) {
  EXPECT_EQ(completed("ben"), "bench\n") << "the command, not the file";
  EXPECT_EQ(completed("help ben"), "bench\n");
  EXPECT_EQ(completed("help dead d"), "delete\n");
  EXPECT_EQ(completed("help status ''"), "\n");
  EXPECT_EQ(completed("dead d"), "delete\n");
  EXPECT_EQ(completed("bench --payl"), "--payload\n");
  EXPECT_EQ(completed("bench --folder ben"), "files: bench\n");
}

}  // namespace
}  // namespace eventmq
