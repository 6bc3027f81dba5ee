#include "src/zmtp/message_reader.h"

#include <gtest/gtest.h>

#include "src/zmtp/message_reader_test_support.h"

namespace eventmq::zmtp {
namespace {

constexpr size_t kFrameBytesMax = 1024 * 1024;

// Content of which no part is like another.
std::string content(size_t size) {
  std::string text;
  uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>(state >> 24);
  }
  return text;
}

std::vector<Texts> messages_to_cut() {
  return {
      {""},
      {"hello"},
      {"", "", ""},
      {"", "eMQP/1.0", "REQUEST", "id", "", "payload"},
      {"1", "", "3", "4", "5", "6", "", "8", "9", "10", "11", ""},
      {content(255), content(256)},
      {content(4095)},
      {content(4096)},
      {content(4097)},
      {"a", content(4096), "b", content(4095), content(4097)},
  };
}

void expect_one(const Seen& seen, const Texts& expected, size_t cut) {
  ASSERT_EQ(seen.fault, "");
  ASSERT_EQ(seen.messages.size(), 1u) << "cut at " << cut;
  ASSERT_TRUE(seen.texts(0) == expected) << "cut at " << cut;
  ASSERT_FALSE(seen.messages[0].overflow() || seen.messages[0].too_large());
}

void expect_same_cut_at(const Texts& message, const std::string& bytes, size_t cut) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  feed(reader, std::string_view(bytes).substr(0, cut), seen);
  ASSERT_EQ(seen.messages.empty(), cut < bytes.size()) << cut;
  feed(reader, std::string_view(bytes).substr(cut), seen);
  expect_one(seen, message, cut);
}

TEST(MessageReaderTest, AMessageIsTheSameWhereverItIsCut) {
  for (const Texts& message : messages_to_cut()) {
    const std::string bytes = message_bytes(message);
    for (size_t cut = 0; cut <= bytes.size(); ++cut) ASSERT_NO_FATAL_FAILURE(expect_same_cut_at(message, bytes, cut));
  }
}

TEST(MessageReaderTest, AMessageOfALargeFrameIsTheSameWhereverItIsCut) {
  const Texts message = {"id", content(300 * 1024), "end"};
  const std::string bytes = message_bytes(message);
  for (size_t cut = 0; cut <= bytes.size(); cut += cut < 20 || cut + 20 > bytes.size() ? 1 : 997) {
    ASSERT_NO_FATAL_FAILURE(expect_same_cut_at(message, bytes, cut));
  }
}

TEST(MessageReaderTest, AMessageIsTheSameInPiecesOfAnySize) {
  std::vector<Texts> messages = messages_to_cut();
  messages.push_back({content(300 * 1024)});
  for (const Texts& message : messages) {
    const std::string bytes = message_bytes(message);
    for (const size_t size : {1, 2, 3, 9, 10, 4096}) {
      MessageReader reader(kFrameBytesMax);
      Seen seen;
      for (size_t at = 0; at < bytes.size(); at += size) feed(reader, std::string_view(bytes).substr(at, size), seen);
      ASSERT_NO_FATAL_FAILURE(expect_one(seen, message, size));
    }
  }
}

TEST(MessageReaderTest, MessagesInOneBufferComeOneByOne) {
  std::string bytes;
  for (const Texts& message : messages_to_cut()) bytes += message_bytes(message);
  bytes += message_bytes({"begun", "and not ended"}).substr(0, 9);
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  feed(reader, bytes, seen);
  ASSERT_EQ(seen.messages.size(), messages_to_cut().size());
  for (size_t i = 0; i < seen.messages.size(); ++i) EXPECT_TRUE(seen.texts(i) == messages_to_cut()[i]) << i;
  EXPECT_GT(reader.unfinished_bytes(), 0u);
}

TEST(MessageReaderTest, NothingIsReadBeyondAMessage) {
  const std::string second = message_bytes({"second"}), both = message_bytes({"first", ""}) + second;
  MessageReader reader(kFrameBytesMax);
  std::string_view bytes = both;
  ASSERT_EQ(reader.read(bytes), MessageReader::Step::kMessage);
  EXPECT_EQ(bytes, second);
}

TEST(MessageReaderTest, NothingAtAllIsNoHarm) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  feed(reader, {}, seen);
  feed(reader, message_bytes({content(5000)}).substr(0, 100), seen);
  feed(reader, {}, seen);
  EXPECT_TRUE(seen.messages.empty());
  feed(reader, message_bytes({content(5000)}).substr(100), seen);
  feed(reader, {}, seen);
  expect_one(seen, {content(5000)}, 100);
}

// --- Memory of frames ---

TEST(MessageReaderTest, SmallFramesShareABlockAndLargeOnesHaveTheirOwn) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  feed(reader, message_bytes({"a", content(4096), "", content(4095), content(5000)}), seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  const Frames& frames = seen.messages[0];
  EXPECT_NE(frames[0].block(), nullptr);
  EXPECT_EQ(frames[0].block(), frames[3].block());
  EXPECT_EQ(frames[2].block(), nullptr) << "an empty one needs none";
  EXPECT_NE(frames[1].block(), frames[0].block());
  EXPECT_NE(frames[4].block(), frames[0].block());
  EXPECT_NE(frames[1].block(), frames[4].block());
}

TEST(MessageReaderTest, ABlockIsNoLargerThanWhatItHolds) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  const std::string bytes = message_bytes({"abc", content(4097), content(300'001), "defg"});
  for (size_t at = 0; at < bytes.size(); at += 1000) feed(reader, std::string_view(bytes).substr(at, 1000), seen);
  ASSERT_EQ(seen.messages.size(), 1u);
  EXPECT_EQ(seen.messages[0][0].held_size(), 7u);
  EXPECT_EQ(seen.messages[0][1].held_size(), 4097u);
  EXPECT_EQ(seen.messages[0][2].held_size(), 300'001u);
}

TEST(MessageReaderTest, MessagesOutliveTheReader) {
  Seen seen;
  {
    MessageReader reader(kFrameBytesMax);
    feed(reader, message_bytes({"a", content(5000)}) + message_bytes({"b"}), seen);
  }
  EXPECT_TRUE(seen.texts(0) == (Texts{"a", content(5000)}));
  EXPECT_EQ(seen.texts(1), (Texts{"b"}));
}

TEST(MessageReaderTest, AMessageThatIsTakenLeavesNothing) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  for (const Texts& message : messages_to_cut()) {
    const std::string bytes = message_bytes(message);
    feed(reader, std::string_view(bytes).substr(0, bytes.size() - 1), seen);
    EXPECT_EQ(reader.unfinished_bytes() > 0, bytes.size() > 2);
    feed(reader, std::string_view(bytes).substr(bytes.size() - 1), seen);
    EXPECT_EQ(reader.unfinished_bytes(), 0u);
    EXPECT_EQ(reader.held_bytes(), 0u);
  }
}

// --- Its room ---

TEST(MessageReaderTest, RoomIsInLargeFramesOnly) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  EXPECT_TRUE(reader.room().empty());
  feed(reader, message_bytes({content(4095)}).substr(0, 100), seen);
  EXPECT_TRUE(reader.room().empty()) << "a small frame";
  feed(reader, message_bytes({content(4095)}).substr(100) + command_bytes(content(2000)).substr(0, 100), seen);
  EXPECT_TRUE(reader.room().empty()) << "a command";
  feed(reader, command_bytes(content(2000)).substr(100) + frame_bytes(content(kFrameBytesMax + 1), true), seen);
  EXPECT_TRUE(reader.room().empty()) << "a dropped frame";
  feed(reader, frame_bytes(content(4096), false).substr(0, 9), seen);
  EXPECT_EQ(reader.room().size(), 4096u);
  std::string_view rest = "0123";
  ASSERT_TRUE(write_into_room(reader, rest, 4));
  EXPECT_EQ(reader.room().size(), 4092u);
}

TEST(MessageReaderTest, WhatIsWrittenIntoItsRoomIsRead) {
  const Texts message = {"id", content(300 * 1024), "", content(4096)};
  const std::string bytes = message_bytes(message);
  for (const size_t piece : {1, 5, 4096, 50'000, 1'000'000}) {
    MessageReader reader(kFrameBytesMax);
    Seen seen;
    for (std::string_view rest = bytes; !rest.empty();) {
      if (write_into_room(reader, rest, piece)) {
        feed(reader, {}, seen);
      } else {
        feed(reader, rest.substr(0, 1), seen);
        rest.remove_prefix(1);
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_one(seen, message, piece));
  }
}

TEST(MessageReaderTest, WritingAndReadingMayAlternate) {
  const Texts message = {content(4096), "small", content(100'000)};
  const std::string bytes = message_bytes(message);
  for (const size_t piece : {1, 7, 1000, 4090}) {
    MessageReader reader(kFrameBytesMax);
    Seen seen;
    for (std::string_view rest = bytes; !rest.empty();) {
      write_into_room(reader, rest, piece);
      write_into_room(reader, rest, 1);  // without a read() between the two
      const std::string_view next = rest.substr(0, piece);
      rest.remove_prefix(next.size());
      feed(reader, next, seen);
    }
    ASSERT_NO_FATAL_FAILURE(expect_one(seen, message, piece));
  }
}

// --- Commands ---

TEST(MessageReaderTest, CommandsComeBetweenTheFramesOfAMessage) {
  const std::string bytes = command_bytes("\4PING first") + frame_bytes("a", true) + ping() +
                            frame_bytes(content(5000), true) + command_bytes("") + frame_bytes("c", false) +
                            pong("last");
  for (const size_t piece : {size_t{1}, size_t{3}, bytes.size()}) {
    MessageReader reader(kFrameBytesMax);
    Seen seen;
    for (size_t at = 0; at < bytes.size(); at += piece) feed(reader, std::string_view(bytes).substr(at, piece), seen);
    expect_one(seen, {"a", content(5000), "c"}, piece);
    EXPECT_EQ(seen.commands, (Texts{"\4PING first", std::string("\4PING\0\0", 7), "", "\4PONGlast"}));
  }
}

TEST(MessageReaderTest, OfALongCommandTheFirstBytesAreKept) {
  MessageReader reader(kFrameBytesMax);
  Seen seen;
  for (const size_t size : {kCommandKept - 1, kCommandKept, kCommandKept + 1, kCommandBytes}) {
    const std::string bytes = command_bytes(content(size));
    for (size_t at = 0; at < bytes.size(); at += 50) feed(reader, std::string_view(bytes).substr(at, 50), seen);
    EXPECT_EQ(seen.commands.back(), content(std::min(size, kCommandKept)));
  }
  EXPECT_EQ(seen.commands.size(), 4u);
  EXPECT_EQ(reader.held_bytes(), 0u);
}

}  // namespace
}  // namespace eventmq::zmtp
