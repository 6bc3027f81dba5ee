#include "src/settings/command_line.h"

#include <gtest/gtest.h>

#include <set>

namespace eventmq {
namespace {

class CommandLineTest : public testing::Test {
 protected:
  // What was understood, as text, or the sentence that refuses it.
  std::string parsed(const std::vector<std::string>& words) {
    const auto line = parse_command_line(specs_, words);
    if (!line) return line.error().text;
    std::string text;
    for (const TypedFlag& flag : line->flags) text += long_name(*flag.spec) + "=" + flag.value + " ";
    for (const std::string& argument : line->arguments) text += "<" + argument + ">";
    return text;
  }

  std::vector<FlagSpec> specs_ = {
      {.names = {"-w", "--wait"}},
      {.names = {"-g", "--guarantee"}},
      {.names = {"--debug"}, .kind = FlagKind::kYesNo},
      {.names = {"-q", "--queue", "--to"}, .kind = FlagKind::kValue, .value_word = "NAME"},
      {.names = {"-Q", "--queues"}, .kind = FlagKind::kValues, .value_word = "NAME…"},
      {.names = {"-L", "--load"}, .kind = FlagKind::kTexts, .value_word = "FILE…"},
  };
};

TEST_F(CommandLineTest, FlagsHaveAllUsualSpellings) {
  EXPECT_EQ(parsed({"-q", "a"}), "--queue=a ");
  EXPECT_EQ(parsed({"-qa"}), "--queue=a ");
  EXPECT_EQ(parsed({"--queue=a=b"}), "--queue=a=b ");
  EXPECT_EQ(parsed({"--to", "a", "--wait"}), "--queue=a --wait=yes ");
  EXPECT_EQ(parsed({"--debug"}), "--debug=yes ");
  EXPECT_EQ(parsed({"--no-debug"}), "--debug=no ");
  EXPECT_EQ(parsed({"--debug=no"}), "--debug=no ");
  EXPECT_EQ(parsed({"--queue", "-5"}), "--queue=-5 ");
}

TEST_F(CommandLineTest, AFlagOfSeveralValuesTakesAllWordsUpToTheNextFlag) {
  EXPECT_EQ(parsed({"-Q", "10,default", "20,high", "--wait"}), "--queues=10,default 20,high --wait=yes ");
  EXPECT_EQ(parsed({"-Q", "a", "--wait", "-Q", "b"}), "--queues=a b --wait=yes ");
}

TEST_F(CommandLineTest, AWordWithBlanksIsOneText) {
  EXPECT_EQ(parsed({"-L", "/my jobs/a.so", "b.so", "-L", "c.so"}), "--load=\"/my jobs/a.so\" b.so c.so ");
  EXPECT_EQ(parsed({"--load=a.so, /my jobs/b.so"}), "--load=\"a.so\",\"/my jobs/b.so\" ");
  EXPECT_EQ(parsed({"-L", "\"/my jobs/a.so\" b.so"}), "--load=\"/my jobs/a.so\" b.so ") << "quoted already";
  EXPECT_EQ(parsed({"--load=a.so,'/my jobs/b.so'"}), "--load=\"a.so\",'/my jobs/b.so' ") << "one of them";
}

TEST_F(CommandLineTest, SingleLetterFlagsMayShareOneWord) {
  EXPECT_EQ(parsed({"-wg"}), "--wait=yes --guarantee=yes ");
  EXPECT_EQ(parsed({"-gwq5", "a"}), "--guarantee=yes --wait=yes --queue=5 <a>");
  EXPECT_EQ(parsed({"-wq=5"}), "--wait=yes --queue=5 ");
  EXPECT_EQ(parsed({"-wq", "wg"}), "--wait=yes --queue=wg ");
  EXPECT_EQ(parsed({"-wQ", "a", "b", "-g"}), "--wait=yes --queues=a b --guarantee=yes ");
  EXPECT_EQ(parsed({"-qwg"}), "--queue=wg ") << "the rest of the word is the value";
  EXPECT_EQ(parsed({"-wx"}), "there is no flag -x, as in -wx");
  EXPECT_EQ(parsed({"-wait"}), "there is no flag -a, as in -wait; did you mean --wait?");
  EXPECT_EQ(parsed({"-wq"}), "-q needs a value: -q NAME");
  EXPECT_EQ(parsed({"-gw=5"}), "-w takes no value");
}

TEST_F(CommandLineTest, ArgumentsArriveAsTheyWereTyped) {
  EXPECT_EQ(parsed({"math.add", "[1,2]", "-3", "-.5", "", "-"}), "<math.add><[1,2]><-3><-.5><><->");
  EXPECT_EQ(parsed({"a", "--", "--wait", "--"}), "<a><--wait><-->");
}

TEST_F(CommandLineTest, WrongFlagsGetASentenceThatSaysTheMend) {
  EXPECT_EQ(parsed({"--wiat"}), "there is no flag --wiat; did you mean --wait?");
  EXPECT_EQ(parsed({"--banana"}), "there is no flag --banana");
  EXPECT_EQ(parsed({"--no-wait"}), "there is no flag --no-wait; did you mean --wait?");
  EXPECT_EQ(parsed({"-x"}), "there is no flag -x");
  EXPECT_EQ(parsed({"a", "-5w"}), "there is no flag -5w; did you mean -w?");
  EXPECT_EQ(parsed({"--queue"}), "--queue needs a value: --queue NAME");
  EXPECT_EQ(parsed({"--queue", "--wait"}), "--queue needs a value: --queue NAME");
  EXPECT_EQ(parsed({"--wait=5"}), "--wait takes no value");
}

TEST_F(CommandLineTest, TheLastValueCounts) {
  const auto line = parse_command_line(specs_, {"-q", "a", "--queue", "b", "--debug", "--no-debug"});
  EXPECT_EQ(line->find("--queue")->value, "b");
  EXPECT_FALSE(line->has("--debug"));
  EXPECT_FALSE(line->has("--wait"));
}

TEST(SettingFlagsTest, OneProgramsFlagsAreDistinct) {
  const std::vector<Section> sections = {Section::kRouter, Section::kJobmanager};
  std::set<std::string> names;
  for (const FlagSpec& flag : setting_flags(sections)) {
    for (const std::string& name : flag.names) EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(SettingFlagsTest, TheOriginalsFlagsSetTheOriginalsSettings) {
  const std::vector<Section> sections = {Section::kRouter, Section::kJobmanager};
  const auto specs = setting_flags(sections);
  const auto line = parse_command_line(
      specs,
      {"-C", "/f", "-F",        "tcp://a:1",    "-B",         "tcp://b:1", "-D", "tcp://c:1", "--high-water-mark",
       "5",  "-A", "tcp://d:1", "-Q",           "10,default", "20,high",   "-J", "3",         "-t",
       "9",  "-n", "me",        "--super-debug"});
  ASSERT_TRUE(line.has_value()) << line.error().text;
  LoadRequest request;
  apply_setting_flags(*line, request);
  EXPECT_EQ(request.config_path, "/f");
  std::string text;
  for (const SettingFlag& flag : request.flags) text += flag.name + "=" + flag.value + ";";
  EXPECT_EQ(text,
            "frontend_listen_addr=tcp://a:1;backend_listen_addr=tcp://b:1;administrative_listen_addr=tcp://c:1;hwm=5;"
            "connect_addr=tcp://d:1;queues=10,default 20,high;concurrent_jobs=3;global_timeout=9;name=me;"
            "super_debug=yes;");
}

}  // namespace
}  // namespace eventmq
