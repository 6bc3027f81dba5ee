#include "src/base/id_source.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <unordered_set>

namespace eventmq {
namespace {

TEST(IdSourceTest, IdsAreVersionFourUuids) {
  static const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  IdSource ids = IdSource::from_small_seed(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = ids.next().str();
    EXPECT_TRUE(std::regex_match(id, form)) << id;
  }
}

TEST(IdSourceTest, EveryVariantDigitOccurs) {
  IdSource ids = IdSource::from_small_seed(2);
  std::unordered_set<char> digits;
  for (int i = 0; i < 200; ++i) digits.insert(ids.next().view()[19]);
  EXPECT_EQ(digits.size(), 4u);
}

TEST(IdSourceTest, TheSameSeedGivesTheSameIds) {
  IdSource first = IdSource::from_small_seed(7);
  IdSource second = IdSource::from_small_seed(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.next(), second.next());
}

// A recorded simulation names ids, so they must never change.
TEST(IdSourceTest, ASeedMeansTheSameForEver) {
  IdSource ids = IdSource::from_small_seed(1);
  EXPECT_EQ(ids.next().str(), "b3f2af6d-0fc7-40c5-853b-559647364cea");
  EXPECT_EQ(ids.next().str(), "92f89756-082a-4514-a42e-1c7bc266a3a7");
}

TEST(IdSourceTest, IdsDoNotRepeat) {
  std::unordered_set<std::string> seen;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    IdSource ids = IdSource::from_small_seed(seed);
    for (int i = 0; i < 1000; ++i) seen.insert(ids.next().str());
  }
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(IdSourceDeathTest, ASeedOfZerosIsABug) { EXPECT_DEATH(IdSource({0, 0, 0, 0}), "seed"); }

}  // namespace
}  // namespace eventmq
