#include <gtest/gtest.h>

#include "src/wire/limits.h"
#include "src/zmtp/message_reader.h"
#include "src/zmtp/message_reader_test_support.h"

namespace eventmq::zmtp {
namespace {

constexpr size_t kKiB = 1024, kMiB = 1024 * kKiB;
constexpr std::string_view kNoEnd = "it sent more than 1024 MiB of one message and not its end";

std::string header_of(size_t size, bool more) {
  std::string bytes;
  append_frame_header(bytes, size, more);
  return bytes;
}

// So many bytes, without having them all.
void feed_filler(MessageReader& reader, size_t size, Seen& seen) {
  static const std::string filler(kMiB, 'f');
  while (size > 0 && seen.fault.empty()) {
    const size_t now = std::min(size, filler.size());
    feed(reader, std::string_view(filler).substr(0, now), seen);
    size -= now;
  }
}
void feed_frame(MessageReader& reader, size_t size, bool more, Seen& seen) {
  feed(reader, header_of(size, more), seen);
  feed_filler(reader, size, seen);
}

void expect_too_large(const Frames& frames, size_t index, size_t bytes, size_t bytes_max) {
  ASSERT_TRUE(frames.too_large());
  EXPECT_EQ(frames.too_large()->index, index);
  EXPECT_EQ(frames.too_large()->bytes, bytes);
  EXPECT_EQ(frames.too_large()->bytes_max, bytes_max);
}

std::string fault_after(const std::string& bytes) {
  MessageReader reader(kMiB);
  Seen seen;
  feed(reader, bytes, seen);
  return seen.fault;
}

// --- Numbers of frames ---

TEST(MessageReaderLimitsTest, FramesBeyondTwelveAreDropped) {
  Texts message(limits::kFramesPerMessage, "frame");
  MessageReader reader(kMiB);
  Seen seen;
  feed(reader, message_bytes(message), seen);
  message.emplace_back("thirteenth");
  feed(reader, message_bytes(message) + message_bytes({"next"}), seen);
  ASSERT_EQ(seen.messages.size(), 3u);
  EXPECT_FALSE(seen.messages[0].overflow());
  EXPECT_TRUE(seen.messages[1].overflow());
  EXPECT_EQ(seen.texts(1), seen.texts(0)) << "the first twelve stay";
  EXPECT_FALSE(seen.messages[2].overflow());
  EXPECT_EQ(seen.texts(2), (Texts{"next"}));
}

TEST(MessageReaderLimitsTest, TenThousandFramesHoldNoMoreThanTwelve) {
  MessageReader reader(kMiB);
  Seen seen;
  for (int i = 0; i < 10'000; ++i) {
    feed_frame(reader, 5000, true, seen);
    ASSERT_LE(reader.held_bytes(), limits::kFramesPerMessage * 5000);
  }
  feed(reader, message_bytes({""}), seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  EXPECT_EQ(seen.messages[0].size(), limits::kFramesPerMessage);
  EXPECT_TRUE(seen.messages[0].overflow());
  EXPECT_FALSE(seen.messages[0].too_large());
}

TEST(MessageReaderLimitsTest, ALargeFrameBeyondTwelveIsOneTooMany) {
  MessageReader reader(kMiB);
  Seen seen;
  for (size_t i = 0; i < limits::kFramesPerMessage; ++i) feed_frame(reader, 1, true, seen);
  feed_frame(reader, kMiB + 1, false, seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  EXPECT_TRUE(seen.messages[0].overflow());
  EXPECT_FALSE(seen.messages[0].too_large());
}

// --- Sizes of frames ---

TEST(MessageReaderLimitsTest, AFrameOfTheLargestSizeIsTaken) {
  MessageReader reader(kMiB);
  Seen seen;
  feed_frame(reader, kMiB, false, seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  EXPECT_FALSE(seen.messages[0].too_large());
  EXPECT_EQ(seen.messages[0][0].size(), kMiB);
}

TEST(MessageReaderLimitsTest, ALargerFrameIsDroppedAndTheRestOfTheMessageComes) {
  MessageReader reader(kMiB);
  Seen seen;
  feed(reader, frame_bytes("first", true), seen);
  feed_frame(reader, kMiB + 1, true, seen);
  EXPECT_LE(reader.held_bytes(), 5u) << "nothing is held of it";
  feed(reader, frame_bytes("third", true), seen);
  feed_frame(reader, 3 * kMiB, true, seen);
  feed(reader, frame_bytes("last", false) + message_bytes({"next"}), seen);
  ASSERT_EQ(seen.messages.size(), 2u);
  EXPECT_EQ(seen.texts(0), (Texts{"first", "", "third", "", "last"}));
  expect_too_large(seen.messages[0], 1, kMiB + 1, kMiB);
  EXPECT_FALSE(seen.messages[1].too_large());
}

TEST(MessageReaderLimitsTest, ASmallFrameMayBeTooLargeToo) {
  MessageReader reader(100);
  Seen seen;
  feed(reader, message_bytes({std::string(100, 'a'), std::string(101, 'b'), "c"}), seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  EXPECT_EQ(seen.texts(0), (Texts{std::string(100, 'a'), "", "c"}));
  expect_too_large(seen.messages[0], 1, 101, 100);
}

TEST(MessageReaderLimitsTest, AllFramesTogetherAreBounded) {
  constexpr size_t kBound = kMiB + limits::kBesideLargestFrameBytes;
  MessageReader reader(kMiB);
  Seen seen;
  for (size_t i = 0; i < 20; ++i) {
    feed_frame(reader, kMiB - 1000, true, seen);
    ASSERT_LE(reader.held_bytes(), kBound);
  }
  feed(reader, message_bytes({""}), seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  expect_too_large(seen.messages[0], 3, kMiB - 1000, 3000);
  EXPECT_TRUE(seen.messages[0].overflow());
}

TEST(MessageReaderLimitsTest, WhatStillFitsBehindAFrameTooManyIsTaken) {
  MessageReader reader(kMiB);
  Seen seen;
  for (size_t i = 0; i < 3; ++i) feed_frame(reader, kMiB - 1, true, seen);
  feed(reader, message_bytes({"four", "abc", "", "b"}), seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  const Texts texts = seen.texts(0);
  EXPECT_EQ(Texts(texts.begin() + 3, texts.end()), (Texts{"", "abc", "", ""}));
  expect_too_large(seen.messages[0], 3, 4, 3);
}

// --- Memory ---

TEST(MessageReaderLimitsTest, AnAnnouncementHoldsNothing) {
  MessageReader reader(32 * kMiB);
  Seen seen;
  feed(reader, header_of(30 * kMiB, false), seen);
  EXPECT_EQ(reader.held_bytes(), 0u);
  EXPECT_GT(reader.unfinished_bytes(), 30 * kMiB);
  EXPECT_FALSE(reader.room().empty());
  EXPECT_LE(reader.held_bytes(), 4 * kKiB) << "room for the first of it";
}

TEST(MessageReaderLimitsTest, MemoryGrowsWithWhatComes) {
  MessageReader reader(32 * kMiB);
  Seen seen;
  feed(reader, header_of(30 * kMiB, false), seen);
  for (size_t came = 1; came < 30 * kMiB;) {
    feed_filler(reader, 1, seen);
    ++came;
    ASSERT_FALSE(reader.room().empty());
    ASSERT_LE(reader.held_bytes(), std::max({4 * kKiB, 2 * came, std::min(8 * came, 256 * kKiB)}));
    const size_t more = std::min(came, 30 * kMiB - came);
    feed_filler(reader, more, seen);
    came += more;
    ASSERT_LE(reader.held_bytes(), 30 * kMiB);
  }
}

TEST(MessageReaderLimitsTest, AFrameIsMovedFewTimesAsItGrows) {
  MessageReader reader(32 * kMiB);
  Seen seen;
  feed(reader, header_of(30 * kMiB, false), seen);
  size_t growths = 0, held = 0;
  for (size_t came = 0; came < 30 * kMiB; came += 1000) {
    feed_filler(reader, std::min<size_t>(1000, 30 * kMiB - came), seen);
    if (reader.held_bytes() > held) ++growths;
    held = reader.held_bytes();
  }
  EXPECT_EQ(seen.messages.size(), 1u);
  EXPECT_LT(growths, 15u);
}

// --- What goes on and on, or is no ZMTP ---

TEST(MessageReaderLimitsTest, AFrameOfTheLargestAnnouncementIsDropped) {
  MessageReader reader(kMiB);
  Seen seen;
  feed_frame(reader, limits::kFrameBytesAnnounced, false, seen);
  ASSERT_EQ(seen.fault, "");
  ASSERT_EQ(seen.messages.size(), 1u);
  expect_too_large(seen.messages[0], 0, limits::kFrameBytesAnnounced, kMiB);
}

TEST(MessageReaderLimitsTest, ALargerAnnouncementIsAFault) {
  const std::string text = "it announced a frame of more than 1024 MiB";
  for (const uint64_t size : {uint64_t{limits::kFrameBytesAnnounced} + 1, uint64_t{1} << 32, uint64_t{1} << 63,
                              ~uint64_t{0}, ~uint64_t{0} - 9}) {
    EXPECT_EQ(fault_after(header_of(size, false)), text) << size;
    EXPECT_EQ(fault_after(frame_bytes("first", true) + header_of(size, true)), text) << size;
  }
}

TEST(MessageReaderLimitsTest, LargeFramesWithoutEndAreAFault) {
  MessageReader reader(kMiB);
  Seen seen;
  size_t frames = 0;
  for (; seen.fault.empty(); ++frames) {
    feed_frame(reader, 2 * kMiB, true, seen);
    ASSERT_LE(reader.held_bytes(), 3 * kMiB);
  }
  EXPECT_EQ(seen.fault, kNoEnd);
  EXPECT_EQ(frames, 513u);
  EXPECT_TRUE(seen.messages.empty());
}

TEST(MessageReaderLimitsTest, EmptyFramesWithoutEndAreAFault) {
  MessageReader reader(kMiB);
  Seen seen;
  feed_frame(reader, limits::kFrameBytesAnnounced - 9 - 1000, true, seen);  // 9 of a header; and room for 500 frames
  for (int i = 0; i < 500; ++i) feed(reader, header_of(0, true), seen);
  EXPECT_EQ(seen.fault, "");
  EXPECT_EQ(reader.unfinished_bytes(), limits::kFrameBytesAnnounced);
  feed(reader, header_of(0, true), seen);
  EXPECT_EQ(seen.fault, kNoEnd);
}

TEST(MessageReaderLimitsTest, AMillionEmptyFramesAreTakenAndOneMoreIsAFault) {
  MessageReader reader(kMiB);
  Seen seen;
  for (uint32_t i = 0; i < limits::kFramesUntilCut; ++i) feed(reader, header_of(0, true), seen);
  EXPECT_EQ(seen.fault, "");
  feed(reader, header_of(0, false), seen);
  EXPECT_EQ(seen.fault, "it sent more than 1000000 frames of one message and not its end");
}

TEST(MessageReaderLimitsTest, ManyMessagesMayHaveMoreTogether) {
  MessageReader reader(kMiB);
  Seen seen;
  for (int i = 0; i < 2; ++i) feed_frame(reader, limits::kFrameBytesAnnounced, false, seen);
  EXPECT_EQ(seen.fault, "");
  EXPECT_EQ(seen.messages.size(), 2u);
}

TEST(MessageReaderLimitsTest, ALongCommandIsAFault) {
  const std::string text = "it sent a command of ZMTP that is too long";
  EXPECT_EQ(fault_after(command_bytes(std::string(kCommandBytes, 'c'))), "");
  EXPECT_EQ(fault_after(command_bytes(std::string(kCommandBytes + 1, 'c')).substr(0, 9)), text);
  EXPECT_EQ(fault_after("\6\xff\xff\xff\xff\xff\xff\xff\xff"), text);
}

TEST(MessageReaderLimitsTest, WhatIsNoFrameIsAFault) {
  const std::string text = "it sent a frame that is not of ZMTP";
  EXPECT_EQ(fault_after("\x08"), text);
  EXPECT_EQ(fault_after("\x05"), text) << "a command with another frame";
  EXPECT_EQ(fault_after(message_bytes({"good", std::string(5000, 'g')}) + "\x80"), text);
}

TEST(MessageReaderLimitsTest, AFaultStays) {
  MessageReader reader(kMiB);
  Seen seen;
  feed(reader, message_bytes({"before"}) + frame_bytes("begun", true) + "\xff" + message_bytes({"behind"}), seen);
  const std::string fault = seen.fault;
  EXPECT_NE(fault, "");
  for (const std::string& bytes : {std::string(), message_bytes({"later"}), ping()}) {
    std::string_view rest = bytes;
    EXPECT_EQ(reader.read(rest), MessageReader::Step::kFault);
    EXPECT_EQ(reader.fault(), fault);
    EXPECT_TRUE(reader.room().empty());
  }
  ASSERT_EQ(seen.messages.size(), 1u);
  EXPECT_EQ(seen.texts(0), (Texts{"before"}));
}

}  // namespace
}  // namespace eventmq::zmtp
