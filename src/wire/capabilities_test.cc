#include "src/wire/capabilities.h"

#include <gtest/gtest.h>

#include "src/wire/limits.h"

namespace eventmq {
namespace {

TEST(CapabilitiesTest, EveryWordIsReadAndWritten) {
  const Bytes text("settle,errors,cancel,progress,multi-ack,resume,instance:abc,frame-max:1024");
  const Capabilities capabilities = parse_capabilities(text);
  EXPECT_TRUE(capabilities.settle && capabilities.errors && capabilities.cancel && capabilities.progress &&
              capabilities.multi_ack && capabilities.resume);
  EXPECT_EQ(capabilities.instance, "abc");
  EXPECT_EQ(capabilities.frame_bytes_max, 1024u);
  EXPECT_EQ(capabilities_text(capabilities), text.view());
}

TEST(CapabilitiesTest, NoWordIsNoCapability) {
  EXPECT_EQ(parse_capabilities(Bytes()), Capabilities());
  EXPECT_EQ(capabilities_text(Capabilities()), "");
}

TEST(CapabilitiesTest, UnknownWordsAreIgnored) {
  const Capabilities capabilities = parse_capabilities(Bytes("settled, batch ,errors,SETTLE,cancel:1,,"));
  Capabilities expected;
  expected.errors = true;
  EXPECT_EQ(capabilities, expected);
}

TEST(CapabilitiesTest, BlanksAndRepetitionAreHarmless) {
  Capabilities expected;
  expected.settle = true;
  EXPECT_EQ(parse_capabilities(Bytes(" settle , settle,")), expected);
}

TEST(CapabilitiesTest, InstanceThatIsNoIdIsIgnored) {
  EXPECT_TRUE(parse_capabilities(Bytes("instance:")).instance.empty());
  EXPECT_TRUE(parse_capabilities(Bytes("instance:a b")).instance.empty());
  EXPECT_TRUE(parse_capabilities(Bytes("instance:" + std::string(limits::kIdBytes + 1, 'x'))).instance.empty());
}

TEST(CapabilitiesTest, FrameMaxThatIsNoNumberIsIgnored) {
  for (const char* word :
       {"frame-max:", "frame-max:-1", "frame-max:1K", "frame-max:+1", "frame-max:99999999999999999999"}) {
    EXPECT_EQ(parse_capabilities(Bytes(word)).frame_bytes_max, 0u) << word;
  }
}

TEST(CapabilitiesTest, InstanceAloneIsWrittenWithoutAComma) {
  Capabilities capabilities;
  capabilities.instance = Bytes("i1");
  EXPECT_EQ(capabilities_text(capabilities), "instance:i1");
}

}  // namespace
}  // namespace eventmq
