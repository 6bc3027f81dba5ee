#include "src/base/bytes.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace eventmq {
namespace {

// A block that tells when it is released.
struct CountedBlock : Block {
  explicit CountedBlock(int& released, size_t size = 0) : Block(&destroy, size), released_count(released) {}
  static void destroy(Block* block) { ++static_cast<CountedBlock*>(block)->released_count; }
  int& released_count;
};

TEST(BytesTest, EmptyBytesHoldNothing) {
  EXPECT_TRUE(Bytes().empty());
  EXPECT_TRUE(Bytes("").empty());
  EXPECT_EQ(Bytes("").block(), nullptr);
  EXPECT_EQ(Bytes("").held_size(), 0u);
}

TEST(BytesTest, CopiesTheTextItIsMadeFrom) {
  std::string text = "payload";
  const Bytes bytes(text);
  text[0] = 'X';
  EXPECT_EQ(bytes, "payload");
  EXPECT_EQ(bytes.size(), 7u);
  EXPECT_EQ(bytes.str(), "payload");
}

TEST(BytesTest, KeepsZeroBytes) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(Bytes(text).view(), text);
}

TEST(BytesTest, ALiteralIsNotCopied) {
  static constexpr std::string_view kText = "for ever";
  const Bytes bytes = Bytes::literal(kText);
  EXPECT_EQ(bytes.data(), kText.data());
  EXPECT_EQ(bytes.block(), nullptr);
  EXPECT_EQ(bytes.held_size(), 0u);
}

TEST(BytesTest, CopiesShareOneBlock) {
  const Bytes first("payload");
  const Bytes second = first;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(first.block(), second.block());
  EXPECT_EQ(first.data(), second.data());
}

TEST(BytesTest, TheBlockIsReleasedWithItsLastOwner) {
  int released = 0;
  CountedBlock block(released);
  {
    Bytes first = Bytes::adopt(&block, "abc", 3);
    Bytes second = first;
    Bytes third = std::move(first);
    second = Bytes("other");
    EXPECT_EQ(released, 0);
    EXPECT_EQ(third, "abc");
  }
  EXPECT_EQ(released, 1);
}

TEST(BytesTest, AssigningToItselfKeepsTheText) {
  Bytes bytes("abc");
  const Bytes& same = bytes;
  bytes = same;
  EXPECT_EQ(bytes, "abc");
}

TEST(BytesTest, AMovedFromBytesIsEmpty) {
  Bytes bytes("abc");
  const Bytes taken = std::move(bytes);
  EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(taken, "abc");
}

TEST(BytesTest, ABlockIsKnownByHowItIsReleased) {
  int released = 0;
  CountedBlock block(released);
  EXPECT_TRUE(block.is_released_by(&CountedBlock::destroy));
  EXPECT_FALSE(Bytes("x").block()->is_released_by(&CountedBlock::destroy));
}

TEST(BytesTest, ASliceHoldsItsWholeBlock) {
  int released = 0;
  CountedBlock block(released, 1000);
  const Bytes slice = Bytes::adopt(&block, "abc", 3);
  EXPECT_EQ(slice.held_size(), 1000u);
  EXPECT_EQ(Bytes("abcd").held_size(), 4u);
}

TEST(BytesTest, EqualTextsHashEqually) {
  const std::unordered_set<Bytes> set = {Bytes("a"), Bytes("b"), Bytes::literal("a")};
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(set.contains(Bytes("b")));
}

TEST(BytesPackerTest, PutsAllTextsIntoOneBlock) {
  BytesPacker packer(6);
  const Bytes first = packer.add("abc");
  const Bytes nothing = packer.add("");
  const Bytes second = packer.add("def");
  EXPECT_EQ(first, "abc");
  EXPECT_EQ(second, "def");
  EXPECT_TRUE(nothing.empty());
  EXPECT_EQ(first.block(), second.block());
  EXPECT_EQ(second.held_size(), 6u);
}

TEST(BytesPackerTest, ItsSlicesOutliveIt) {
  Bytes kept;
  {
    BytesPacker packer(8);
    kept = packer.add("kept");
    packer.add("gone");
  }
  EXPECT_EQ(kept, "kept");
}

TEST(BytesPackerTest, MayHoldNothing) { BytesPacker packer(0); }

TEST(BytesPackerDeathTest, MoreThanWasAnnouncedIsABug) {
  BytesPacker packer(2);
  EXPECT_DEATH(packer.add("abc"), "3 bytes into 2");
}

}  // namespace
}  // namespace eventmq
