#include <gtest/gtest.h>

#include "src/codec/codec.h"
#include "testing/frames_text.h"

namespace eventmq {
namespace {

using testing::frames_text;

TEST(EncodeTest, LongErrorTextIsCutAtACharacter) {
  const std::string text = std::string(limits::kErrorTextBytes - 1, 'x') + "\xc3\xa9";
  const Frames frames = encode({Bytes("m1"), ErrorMessage{{ErrorCode::kTooLarge, text}, {}}});
  EXPECT_EQ(frames[5], std::string(limits::kErrorTextBytes - 1, 'x'));
}

TEST(EncodeTest, ErrorTextIsMadeUtf8) {
  const Frames frames = encode({Bytes("m1"), ErrorMessage{{ErrorCode::kSystem, "bad \xff"}, {}}});
  EXPECT_EQ(frames[5], "bad ?");
  EXPECT_TRUE(decode(frames));
}

TEST(EncodeTest, QueueNamesAreEscapedAsJson) {
  Inform inform;
  inform.queues = {{1, Bytes("a\"b\\c")}};
  EXPECT_EQ(encode({Bytes("m1"), inform})[4], R"([[1, "a\"b\\c"]])");
}

TEST(EncodeTest, ResumeIsSaidOnlyWithItsCapability) {
  Inform inform;
  inform.has_capabilities = true;
  inform.previous_id = Bytes("w-7");
  EXPECT_EQ(encode({Bytes("m1"), inform}).size(), 7u);
  inform.capabilities.resume = true;
  EXPECT_EQ(encode({Bytes("m1"), inform}).size(), 8u);
}

TEST(EncodeTest, FractionsHaveNoExponent) {
  const auto fraction = [](double value) { return encode({Bytes("m1"), Progress{Bytes("j1"), value, {}}})[5].str(); };
  EXPECT_EQ(fraction(0), "0");
  EXPECT_EQ(fraction(1), "1");
  EXPECT_EQ(fraction(0.25), "0.25");
  EXPECT_EQ(fraction(1e-6), "0.000001");
  EXPECT_EQ(fraction(5e-324), "0");
}

TEST(EncodeTest, PayloadSharesItsMemory) {
  const Bytes payload("a payload");
  Request request;
  request.payload = payload;
  EXPECT_EQ(encode({Bytes("m1"), request})[6].block(), payload.block());
}

TEST(EncodeTest, PublishedSpellingOfGoodbyeIsAnsweredByTheExistingOne) {
  const auto message = decode(testing::make_message_frames({"KBAI", "m1"}));
  EXPECT_EQ(frames_text(encode(message.value())), "(empty) | eMQP/1.0 | KBYE | m1");
}

TEST(EncodeDeathTest, OutcomeWithoutARequestIsABug) {
  Reply reply;
  reply.has_outcome = true;
  EXPECT_DEATH(encode({Bytes("m1"), reply}), "an outcome needs the id of its request");
}

TEST(EncodeDeathTest, AttemptWithoutAnOutcomeIsABug) {
  Reply reply;
  reply.request_id = Bytes("j1");
  reply.attempt = 1;
  EXPECT_DEATH(encode({Bytes("m1"), reply}), "an attempt needs an outcome");
}

}  // namespace
}  // namespace eventmq
