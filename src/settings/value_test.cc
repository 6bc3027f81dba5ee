#include "src/settings/value.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/settings/settings_table.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

// The value as text, or the sentence that refuses it.
std::string parsed(std::string_view name, std::string_view text) {
  const Setting* setting = find_setting(name);
  const auto value = parse_value(*setting, text);
  return value ? value_text(*setting, *value) : value.error().text;
}

TEST(ValueTest, EveryDefaultIsAValidValueAndReadsBack) {
  for (const Setting& setting : all_settings()) {
    const auto value = parse_value(setting, setting.default_text);
    ASSERT_TRUE(value.has_value()) << setting.name << ": " << value.error().text;
    const auto again = parse_value(setting, value_text(setting, *value));
    ASSERT_TRUE(again.has_value()) << setting.name;
    EXPECT_EQ(*again, *value) << setting.name;
  }
}

TEST(ValueTest, SecondsHaveUnits) {
  EXPECT_EQ(parsed("heartbeat_interval", "0.5"), "0.5");
  EXPECT_EQ(parsed("heartbeat_interval", "500ms"), "0.5");
  EXPECT_EQ(parsed("heartbeat_interval", "2 m"), "120");
  EXPECT_EQ(parsed("heartbeat_interval", "1h"), "3600");
  EXPECT_EQ(parsed("dedupe_window", "7d"), "604800");
}

TEST(ValueTest, SizesHaveUnits) {
  EXPECT_EQ(parsed("memory_limit", "2G"), "2G");
  EXPECT_EQ(parsed("memory_limit", "1.5 GiB"), "1536M");
  EXPECT_EQ(parsed("memory_limit", "3145728"), "3M");
  EXPECT_EQ(parsed("max_message_size", "64kb"), "64K");
}

TEST(ValueTest, YesAndNoHaveManySpellings) {
  for (std::string_view yes : {"yes", "True", "ON", "1", "t"}) EXPECT_EQ(parsed("super_debug", yes), "yes") << yes;
  for (std::string_view no : {"no", "False", "OFF", "0", "f"}) EXPECT_EQ(parsed("super_debug", no), "no") << no;
}

TEST(ValueTest, QueuesHaveThreeSpellings) {
  EXPECT_EQ(parsed("queues", R"([[20, "heavy"], [10, "default"]])"), R"([[20,"heavy"],[10,"default"]])");
  EXPECT_EQ(parsed("queues", "10,default 20,high"), R"([[10,"default"],[20,"high"]])");
  EXPECT_EQ(parsed("queues", "default high,low"), R"(["default","high","low"])");
  EXPECT_EQ(parsed("queues", "10,10"), R"([[10,"10"]])") << "a name may be a number, behind a weight";
}

TEST(ValueTest, AddressesMayBeSeveral) {
  EXPECT_EQ(parsed("connect_addr", "tcp://a:1, tcp://[::1]:2"), "tcp://a:1,tcp://[::1]:2");
  EXPECT_EQ(parsed("connect_addr", "tcp://a:1 'ipc:///my run/b',ipc:///b"), "tcp://a:1,\"ipc:///my run/b\",ipc:///b");
  EXPECT_EQ(parsed("frontend_listen_addr", "tcp://*:*"), "tcp://*:*");
  EXPECT_EQ(parsed("frontend_listen_addr", "ipc:///my run/f"), "ipc:///my run/f");
  EXPECT_EQ(parsed("frontend_listen_addr", "ipc:///run/emq"), "ipc:///run/emq");
}

TEST(ValueTest, AQuoteWithinATextIsPartOfIt) {
  EXPECT_EQ(parsed("data_dir", "/x/o'brien \"q\" y"), "/x/o'brien \"q\" y");
  EXPECT_EQ(parsed("queues", R"(["a", "b"])"), R"(["a","b"])") << "a list in JSON";
}

TEST(ValueTest, ATextOfAListHasBlanksAndCommasInQuotes) {
  EXPECT_EQ(parsed("load", "a.so , b.so\tc.so,"), "a.so,b.so,c.so");
  EXPECT_EQ(parsed("load", "\"/my jobs/a.so\", '/b,c.so' /o'brien.so"), "\"/my jobs/a.so\",\"/b,c.so\",/o'brien.so");
  const Setting& load = *find_setting("load");
  const std::vector<std::string> odd = {"/my jobs/a.so", "/b,\"c\".so", "'d'.so", "e.so"};
  EXPECT_EQ(parse_value(load, value_text(load, odd)), SettingValue(odd));
}

TEST(ValueTest, APathOfASocketIsNoLongerThanTheSystemTakes) {
  const Setting& address = *find_setting("backend_listen_addr");
  EXPECT_TRUE(parse_value(address, "ipc:///" + std::string(limits::kSocketPathBytes - 1, 'x')));
  const auto refused = parse_value(address, "ipc:///" + std::string(limits::kSocketPathBytes, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, testing::EndsWith("has a path of 108 bytes: choose one of at most 107, which is "
                                                      "all that the system takes"));
}

struct BadValue {
  std::string_view name, text, sentence;
};
class BadValueTest : public testing::TestWithParam<BadValue> {};

TEST_P(BadValueTest, IsRefusedWithASentenceThatSaysTheMend) {
  const auto value = parse_value(*find_setting(GetParam().name), GetParam().text);
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code, ErrorCode::kBadValue);
  EXPECT_EQ(value.error().text, GetParam().sentence);
}

INSTANTIATE_TEST_SUITE_P(
    Values, BadValueTest,
    testing::Values(
        BadValue{"hwm", "many", R"(hwm must be a whole number from 1 to 1000000000, not "many")"},
        BadValue{"hwm", "0", R"(hwm must be a whole number from 1 to 1000000000, not "0")"},
        BadValue{"hwm", "-5", R"(hwm must be a whole number from 1 to 1000000000, not "-5")"},
        BadValue{"hwm", "1.5", R"(hwm must be a whole number from 1 to 1000000000, not "1.5")"},
        BadValue{"hwm", "", R"(hwm must be a whole number from 1 to 1000000000, not "")"},
        BadValue{"concurrent_jobs", "1001", R"(concurrent_jobs must be a whole number from 1 to 1000, not "1001")"},
        BadValue{"drain_timeout", "soon",
                 R"(drain_timeout must be seconds from 0 to 86400, as in 5, 0.5 or 10m, not "soon")"},
        BadValue{"drain_timeout", "-1",
                 R"(drain_timeout must be seconds from 0 to 86400, as in 5, 0.5 or 10m, not "-1")"},
        BadValue{"drain_timeout", "nan",
                 R"(drain_timeout must be seconds from 0 to 86400, as in 5, 0.5 or 10m, not "nan")"},
        BadValue{"heartbeat_interval", "5w",
                 R"(heartbeat_interval must be seconds from 0.05 to 86400, as in 5, 0.5 or 10m, not "5w")"},
        BadValue{"max_message_size", "2G",
                 R"(max_message_size must be a size from 1K to 1G, as in 4096, 32M or 1G, not "2G")"},
        BadValue{"super_debug", "maybe", R"(super_debug must be yes or no, not "maybe")"},
        BadValue{"unknown_queue", "drop", R"(unknown_queue must be hold or default or reject, not "drop")"},
        BadValue{"store", "redis", R"(store must be sqlite or memory, not "redis")"},
        BadValue{"frontend_listen_addr", "localhost:47291",
                 R"(frontend_listen_addr: "localhost:47291" is no address; write tcp://localhost:47291)"},
        BadValue{"frontend_listen_addr", "", R"(frontend_listen_addr: "" is no address; write tcp://127.0.0.1:47291)"},
        BadValue{"frontend_listen_addr", "http://x:1",
                 R"(frontend_listen_addr: "http://x:1" is no address; write tcp://127.0.0.1:47291)"},
        BadValue{"frontend_listen_addr", "tcp://localhost",
                 R"(frontend_listen_addr: "tcp://localhost" lacks a port; write tcp://localhost:47291)"},
        BadValue{"frontend_listen_addr", "tcp://127.0.0.1:0",
                 R"(frontend_listen_addr: "tcp://127.0.0.1:0" has a port that is no number from 1 to 65535; write )"
                 R"(tcp://127.0.0.1:47291)"},
        BadValue{"frontend_listen_addr", "tcp://localhost:99999",
                 R"(frontend_listen_addr: "tcp://localhost:99999" has a port that is no number from 1 to 65535; write )"
                 R"(tcp://localhost:47291)"},
        BadValue{
            "frontend_listen_addr", "tcp://::1:47291",
            R"(frontend_listen_addr: "tcp://::1:47291" has an IPv6 host without brackets; write tcp://[::1]:47291)"},
        BadValue{
            "connect_addr", "tcp://*:47290",
            R"(connect_addr: "tcp://*:47290" can be listened on but not connected to; write tcp://127.0.0.1:47290)"},
        BadValue{"connect_addr", "foo", R"(connect_addr: "foo" is no address; write tcp://foo:47290)"},
        BadValue{"worker_addr_failover",
                 "foo:", R"(worker_addr_failover: "foo:" is no address; write tcp://foo:47290)"},
        BadValue{"connect_addr", "", "connect_addr must name at least one address"},
        BadValue{"queues", "[[10]]",
                 R"(queues must be [[10, "default"], [20, "high"]] or 10,default 20,high, not "[[10]]")"},
        BadValue{"queues", "[[-1, \"a\"]]",
                 R"(queues must be [[10, "default"], [20, "high"]] or 10,default 20,high, not "[[-1, "a"]]")"},
        BadValue{"queues", "", R"(queues must be [[10, "default"], [20, "high"]] or 10,default 20,high, not "")"},
        BadValue{"queues", "[[1, \"a\"], [2, \"a\"]]", R"(queues names "a" twice: keep one)"},
        BadValue{"queues", "9999999,a", R"(queues: the weight of "a" must be a whole number from 0 to 1000000)"},
        BadValue{"queues", "[[1, \"a,b\"]]", R"(queues: 'a,b' has a comma)"},
        BadValue{"queues", "[[1, \"\"]]", R"(queues: '' is empty; a queue has a name)"},
        BadValue{"queues", R"([[1, "a\u0085b"]])", R"(queues: 'a??b' has a control character)"},
        BadValue{"queues", "\xff\xfe", R"(queues: '??' is not UTF-8)"},
        BadValue{"queues", "abc,10", "queues: weight 10 stands before no name; write 10,default 20,high"},
        BadValue{"queues", "10", "queues: weight 10 stands before no name; write 10,default 20,high"},
        BadValue{"queues", "10,a 20", "queues: weight 20 stands before no name; write 10,default 20,high"},
        BadValue{"queues", "null",
                 R"(queues: "null" is no bare name but part of a list or value; lists are like [[10, "name"]])"},
        BadValue{"queues", "{\"a\":1}",
                 R"(queues: "{"a":1}" is no bare name but part of a list or value; lists are like [[10, "name"]])"},
        BadValue{"queues", "(10, 'a')",
                 R"(queues: "(10" is no bare name but part of a list or value; lists are like [[10, "name"]])"},
        BadValue{"default_queue_name", "a,b", R"(default_queue_name: 'a,b' has a comma)"},
        BadValue{"default_queue_name", "", R"(default_queue_name: '' is empty; a queue has a name)"},
        BadValue{"default_queue_name", "\xff\xfe", R"(default_queue_name: '??' is not UTF-8)"},
        BadValue{"data_dir", "~/eventmq",
                 "data_dir: only a shell knows what ~ stands for: write the whole path, as in /srv/eventmq"},
        BadValue{"data_dir", "\"/x/quoted\"", "data_dir: leave the quotes out, as in data_dir = /x/quoted"},
        BadValue{"job_entry_func", "'a.b'", "job_entry_func: leave the quotes out, as in job_entry_func = a.b"},
        BadValue{"default_queue_name", "\"mail\"",
                 "default_queue_name: leave the quotes out, as in default_queue_name = mail"},
        BadValue{"load", "\"/my jobs/a.so", R"(load: a quote is not closed; write "/a path/with blanks.so")"},
        BadValue{"connect_addr", "'ipc:///b",
                 R"(connect_addr: a quote is not closed; write "ipc:///a path/with blanks")"},
        BadValue{"frontend_listen_addr", "ipc:///a,b",
                 R"(frontend_listen_addr: "ipc:///a,b" has a comma, which parts addresses: choose a path without one)"},
        BadValue{"job_entry_func", "a\tb", "job_entry_func must not hold control characters"}));

TEST(ValueTest, TheAddressInTheAdviceIsOne) {
  const std::pair<std::string_view, std::string_view> kAdvice[] = {{"foo", "tcp://foo:47293"},
                                                                   {"foo:5", "tcp://foo:5"},
                                                                   {"foo:", "tcp://foo:47293"},
                                                                   {":5", "tcp://127.0.0.1:5"},
                                                                   {"foo:x", "tcp://foo:47293"},
                                                                   {"foo:70000", "tcp://foo:47293"},
                                                                   {"", "tcp://127.0.0.1:47293"},
                                                                   {":", "tcp://127.0.0.1:47293"},
                                                                   {"::1", "tcp://[::1]:47293"},
                                                                   {"[::1]", "tcp://[::1]:47293"},
                                                                   {"[::1]:5", "tcp://[::1]:5"},
                                                                   {"tcp://", "tcp://127.0.0.1:47293"},
                                                                   {"tcp://foo", "tcp://foo:47293"},
                                                                   {"tcp://foo:", "tcp://foo:47293"},
                                                                   {"tcp://[::1]", "tcp://[::1]:47293"},
                                                                   {"*:5", "tcp://127.0.0.1:5"},
                                                                   {"http://foo/bar", "tcp://127.0.0.1:47293"},
                                                                   {"ipc://", "tcp://127.0.0.1:47293"},
                                                                   {"a b", "tcp://127.0.0.1:47293"},
                                                                   {"10.0.0.7", "tcp://10.0.0.7:47293"}};
  for (const auto& [typed, advice] : kAdvice) {
    const auto checked = check_socket_address(typed, false, "47293");
    ASSERT_FALSE(checked) << typed;
    EXPECT_TRUE(checked.error().text.ends_with(fmt::format("; write {}", advice))) << checked.error().text;
    EXPECT_TRUE(check_socket_address(advice, false));
  }
}

TEST(ValueTest, ANameCanBeNamedInResumeAndFitsARoutingId) {
  EXPECT_EQ(parsed("name", " jm-1.example "), "jm-1.example");
  EXPECT_EQ(parsed("name", ""), "") << "a UUID for each conversation";
  EXPECT_EQ(parsed("name", std::string(255, 'n')), std::string(255, 'n'));
  for (const std::string& bad : {std::string(256, 'n'), std::string("a,b"), std::string("a b"), std::string("\xff")}) {
    EXPECT_EQ(parsed("name", bad), "name must be at most 255 printable ASCII characters without blanks and commas");
  }
}

}  // namespace
}  // namespace eventmq
