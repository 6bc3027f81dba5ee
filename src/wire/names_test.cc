#include "src/wire/names.h"

#include <gtest/gtest.h>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

TEST(IdTest, PrintableAsciiIsAnId) {
  EXPECT_TRUE(is_id("8e590ffa-d414-49fd-840c-f81685945570"));
  EXPECT_TRUE(is_id("admin:0d93dd2b-d787-4982-8dbb-37642da1dedf"));
  EXPECT_TRUE(is_id("!~"));
  EXPECT_TRUE(is_id(std::string(limits::kIdBytes, 'x')));
}

TEST(IdTest, EmptyIdIsRefused) {
  EXPECT_FALSE(is_id(""));
  EXPECT_EQ(id_fault("")->code, ErrorCode::kBadMessage);
}

TEST(IdTest, LongIdIsTooLarge) {
  EXPECT_EQ(id_fault(std::string(limits::kIdBytes + 1, 'x'))->code, ErrorCode::kTooLarge);
}

TEST(IdTest, OtherCharactersAreRefused) {
  for (const char* text : {"a b", "a,b", "a\n", "\x7f", "caf\xc3\xa9"}) {
    ASSERT_FALSE(is_id(text)) << text;
    EXPECT_EQ(id_fault(text)->code, ErrorCode::kBadMessage) << text;
  }
}

TEST(QueueNameTest, TextIsAName) {
  for (const char* text : {"default", "two words", "caf\xc3\xa9", "a\"b", "[x]"}) {
    EXPECT_EQ(queue_name_fault(text), std::nullopt) << text;
  }
  EXPECT_EQ(queue_name_fault(std::string(limits::kQueueNameBytes, 'q')), std::nullopt);
}

TEST(QueueNameTest, EachBrokenRuleHasItsError) {
  EXPECT_EQ(queue_name_fault("")->text, "is empty; a queue has a name");
  EXPECT_EQ(queue_name_fault("\xff")->text, "is not UTF-8");
  EXPECT_EQ(queue_name_fault("a\tb")->text, "has a control character");
  EXPECT_EQ(queue_name_fault("a,b")->text, "has a comma");
  EXPECT_EQ(queue_name_fault(std::string(limits::kQueueNameBytes + 1, 'q'))->code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace eventmq
