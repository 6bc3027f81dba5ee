#include "src/base/siphash.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <unordered_map>

namespace eventmq {
namespace {

constexpr uint64_t kKey0 = 0x0706050403020100;
constexpr uint64_t kKey1 = 0x0f0e0d0c0b0a0908;

// The texts of the reference vectors: the bytes 0, 1, 2, … of each length.
std::string counting_bytes(size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>(i);
  return text;
}

TEST(SiphashTest, AgreesWithThePaper) {  // appendix A
  EXPECT_EQ(siphash(kKey0, kKey1, counting_bytes(15)), 0xa129ca6149be45e5);
}

TEST(SiphashTest, AgreesWithTheReferenceVectors) {
  constexpr std::array<uint64_t, 17> kExpected = {
      0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d, 0xcf2794e0277187b7,
      0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462, 0x9e0082df0ba9e4b0,
      0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee,
      0xa129ca6149be45e5, 0x3f2acc7f57c29bdb};
  for (size_t size = 0; size < kExpected.size(); ++size) {
    EXPECT_EQ(siphash(kKey0, kKey1, counting_bytes(size)), kExpected[size]) << size << " bytes";
  }
  EXPECT_EQ(siphash(kKey0, kKey1, counting_bytes(63)), 0x958a324ceb064572);
}

TEST(SiphashTest, AnotherKeyGivesAnotherHash) {
  EXPECT_NE(siphash(1, 2, "text"), siphash(1, 3, "text"));
  EXPECT_NE(siphash(1, 2, "text"), siphash(2, 2, "text"));
}

TEST(KeyedHashTest, ServesAContainer) {
  std::unordered_map<std::string, int, KeyedHash> table(0, KeyedHash{1, 2});
  for (int i = 0; i < 1000; ++i) table[std::to_string(i)] = i;
  EXPECT_EQ(table.size(), 1000u);
  EXPECT_EQ(table.at("617"), 617);
}

}  // namespace
}  // namespace eventmq
