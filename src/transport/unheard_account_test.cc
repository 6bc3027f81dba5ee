#include "src/transport/unheard_account.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

constexpr Duration kYoung = seconds(3), kOld = seconds(7);

TEST(UnheardAccountTest, AHandshakeOfAnyRoutingIdSaysNothing) {
  for (const uint64_t bytes : {64, 107, 369}) {
    UnheardAccount account;
    account.sample(64, 2, Duration{});
    account.sample(bytes, 4, kYoung);
    EXPECT_FALSE(account.speaks());
    account.sample(bytes, 4, kOld);
    EXPECT_FALSE(account.speaks());
  }
}

TEST(UnheardAccountTest, MoreThanAnyHandshakeIsSomething) {
  UnheardAccount account;
  account.sample(450, 4, kYoung);
  EXPECT_TRUE(account.speaks());
}

TEST(UnheardAccountTest, ADayOfProbesSaysNothing) {
  UnheardAccount account;
  for (uint32_t probe = 0; probe < 5'760; ++probe) {
    account.sample(120 + uint64_t{7} * probe, 4 + probe, kOld + seconds(15) * probe);
    ASSERT_FALSE(account.speaks()) << probe;
  }
}

TEST(UnheardAccountTest, ProbesBeginWhenTheHandshakeIsOver) {
  UnheardAccount account;
  for (uint32_t probe = 0; probe < 100; ++probe) {
    account.sample(369 + uint64_t{9} * probe, 5 + probe, milliseconds(100) * probe);
    ASSERT_FALSE(account.speaks()) << probe;
  }
}

TEST(UnheardAccountTest, OneHeartbeatAfterTheHandshakeIsNotEnoughAndTwoAre) {
  UnheardAccount account;
  account.sample(120, 4, kOld);
  account.sample(120 + 64, 5, kOld);
  EXPECT_FALSE(account.speaks());
  account.sample(120 + 64 * 2, 6, kOld);
  EXPECT_TRUE(account.speaks());
}

TEST(UnheardAccountTest, WhatWasSaidBeforeTheFirstLookAtAnOldConnectionMayHaveBeenTheHandshake) {
  UnheardAccount account;
  account.sample(360, 5, kOld);
  EXPECT_FALSE(account.speaks());
}

}  // namespace
}  // namespace eventmq
