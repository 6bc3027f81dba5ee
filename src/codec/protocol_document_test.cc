// docs/protocol.md says what the code does: its tables of commands, headers, capabilities, outcomes, errors and
// limits are those of the code.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "src/codec/codec.h"
#include "src/wire/limits.h"

namespace eventmq {
namespace {

const std::string& document() {
  static const std::string text = [] {
    std::ostringstream read;
    read << std::ifstream(EVENTMQ_SOURCE_DIR "/docs/protocol.md").rdbuf();
    return read.str();
  }();
  return text;
}

bool has_line_that_begins(const std::string& start) { return document().find("\n" + start) != std::string::npos; }

std::string class_word(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kFix:
      return "fix";
    case ErrorClass::kRetry:
      return "retry";
    case ErrorClass::kReconnect:
      return "reconnect";
  }
  return "";
}

template <size_t... Index>
std::vector<Body> every_body(std::index_sequence<Index...>) {
  return {Body(std::in_place_index<Index>)...};
}

TEST(ProtocolDocumentTest, EveryErrorIsThereAsTheCodeHasIt) {
  for (int index = 0; index <= static_cast<int>(ErrorCode::kSystem); ++index) {
    const auto code = static_cast<ErrorCode>(index);
    const std::string row = "| `" + std::string(error_word(code)) + "` | " + class_word(error_class(code)) + " | " +
                            std::string(error_meaning(code)) + " |\n";
    EXPECT_TRUE(has_line_that_begins(row)) << row;
  }
}

TEST(ProtocolDocumentTest, EveryCommandIsThere) {
  for (const Body& body : every_body(std::make_index_sequence<std::variant_size_v<Body>>())) {
    EXPECT_TRUE(has_line_that_begins("| `" + std::string(command_word(body)) + "`")) << command_word(body);
  }
}

TEST(ProtocolDocumentTest, EveryOutcomeIsThere) {
  for (int index = 0; index <= static_cast<int>(Outcome::kExpired); ++index) {
    const std::string_view word = outcome_word(static_cast<Outcome>(index));
    EXPECT_TRUE(has_line_that_begins("| `" + std::string(word) + "` |")) << word;
  }
}

TEST(ProtocolDocumentTest, EveryCapabilityIsThere) {
  Capabilities all;
  all.settle = all.errors = all.cancel = all.progress = all.multi_ack = all.resume = true;
  std::istringstream words(capabilities_text(all));
  for (std::string word; std::getline(words, word, ',');) {
    EXPECT_TRUE(has_line_that_begins("| `" + word + "` |")) << word;
  }
  EXPECT_TRUE(has_line_that_begins("| `frame-max:<bytes>` |"));
}

TEST(ProtocolDocumentTest, EveryHeaderOfTheTableIsKnown) {
  // A header that is known refuses to be given twice; one that is not is let pass.
  for (const char* header :
       {"reply-requested", "retry-count:1", "timeout:1", "guarantee", "nohaste", "run_count:1", "delay:1", "expires:1",
        "priority:1", "unique:1", "trace:1", "backoff:1", "result-ttl:1"}) {
    const std::string text = header;
    EXPECT_FALSE(parse_headers(Bytes(text + "," + text))) << text;
    EXPECT_TRUE(has_line_that_begins("| `" + text.substr(0, text.find(':')) + "`")) << text;
  }
}

TEST(ProtocolDocumentTest, EveryLimitIsThereWithItsValue) {
  const std::map<std::string, uint64_t> values = {
      {"kFramesPerMessage", limits::kFramesPerMessage},
      {"kIdBytes", limits::kIdBytes},
      {"kAttemptIdBytes", limits::kAttemptIdBytes},
      {"kRoutingIdBytes", limits::kRoutingIdBytes},
      {"kQueueNameBytes", limits::kQueueNameBytes},
      {"kHeadersBytes", limits::kHeadersBytes},
      {"kQueuesPerInform", limits::kQueuesPerInform},
      {"kQueueWeight", limits::kQueueWeight},
      {"kResumedJobsPerInform", limits::kResumedJobsPerInform},
      {"kInformBytes", limits::kInformBytes},
      {"kCapabilitiesBytes", limits::kCapabilitiesBytes},
      {"kTopicBytes", limits::kTopicBytes},
      {"kCronBytes", limits::kCronBytes},
      {"kQueryBytes", limits::kQueryBytes},
      {"kWordBytes", limits::kWordBytes},
      {"kProgressTextBytes", limits::kProgressTextBytes},
      {"kErrorTextBytes", limits::kErrorTextBytes},
      {"kJsonDepth", limits::kJsonDepth},
      {"kFrameBytesDefault", limits::kFrameBytesDefault},
  };
  for (const auto& [name, value] : values) {
    const std::string cell = "(`" + name + "`) | " + std::to_string(value) + " ";
    EXPECT_NE(document().find(cell), std::string::npos) << cell;
  }
}

TEST(ProtocolDocumentTest, HeaderValuesAreInTheLimitsItSays) {
  for (const std::string& text : {std::to_string(limits::kHeaderDuration.us / 1'000'000), std::string("0 to 1000 |"),
                                  std::string("0 to 9 | 4 |"), std::string("every 16th job")}) {
    EXPECT_NE(document().find(text), std::string::npos) << text;
  }
  EXPECT_EQ(limits::kRetryCount, 1000u);
  EXPECT_EQ(limits::kPriorityHighest, 9);
  EXPECT_EQ(limits::kPriorityDefault, 4);
  EXPECT_EQ(limits::kOldestFirstEvery, 16u);
}

}  // namespace
}  // namespace eventmq
