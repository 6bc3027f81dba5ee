#include "src/transport/stream_account.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

constexpr Instant kStart{seconds(1000).us};

// Looks, with everything complete received at once.
uint64_t look(StreamAccount& account, uint64_t read, Instant now = kStart) {
  account.sample(read, read, now);
  return account.judge();
}

TEST(StreamAccountTest, WhatWasReadAndNotReceivedIsUnfinished) {
  StreamAccount account;
  EXPECT_EQ(look(account, 0), 0u);
  EXPECT_EQ(look(account, 5'000), 5'000u);
  EXPECT_EQ(look(account, 9'000), 9'000u);
  account.received(10'000);
  EXPECT_EQ(look(account, 10'000), 0u);
  EXPECT_EQ(look(account, 11'000), 1'000u);
}

TEST(StreamAccountTest, WhatIsReceivedBetweenSampleAndJudgementIsNotUnfinished) {
  StreamAccount account;
  account.sample(70'000, 70'000, kStart);
  account.received(90'000);
  EXPECT_EQ(account.judge(), 0u);
  EXPECT_EQ(look(account, 95'000), 5'000u);
}

TEST(StreamAccountTest, ShortHeadersGiveNoCredit) {
  StreamAccount account;
  for (uint64_t message = 1; message <= 1'000; ++message) {
    account.received(100);  // as if its frames had large headers
    EXPECT_EQ(look(account, message * 58), 0u);
  }
  EXPECT_EQ(look(account, 58'000 + 20'000), 20'000u);
}

TEST(StreamAccountTest, BytesThatNeverComeOutDoNotAddUpWhileMessagesCome) {
  StreamAccount account;
  uint64_t read = 0;
  for (int message = 0; message < 10'000; ++message) {
    read += 900 + 100;  // probes of the peer's own, and a message
    account.received(100);
    EXPECT_LE(look(account, read), 1'000u);
  }
}

TEST(StreamAccountTest, AnswersToProbesDoNotAddUpOnAQuietConnection) {
  StreamAccount account;
  Instant now = kStart;
  EXPECT_LE(look(account, 300, now), 300u);  // the handshake
  for (uint64_t probe = 1; probe <= 10'000; ++probe) {
    now = now + seconds(15);
    EXPECT_LE(look(account, 300 + probe * 9, now), 300u);
  }
}

TEST(StreamAccountTest, AnInexactLookCountsInThePeersFavour) {
  StreamAccount account;
  account.received(80'000'000);
  account.sample(50'000'000, 90'000'000, kStart);
  EXPECT_EQ(account.judge(), 0u);
  EXPECT_EQ(look(account, 90'000'000), 10'000'000u);
}

TEST(StreamAccountTest, AnUnfinishedMessageStaysUnfinishedThoughEarlierOnesAreReceivedLate) {
  StreamAccount account;
  account.sample(60'000, 60'000, kStart);  // 10,000 of whole messages, 50,000 of one that is not
  account.received(10'000);
  EXPECT_EQ(account.judge(), 50'000u);
  EXPECT_EQ(look(account, 80'000), 70'000u);
}

}  // namespace
}  // namespace eventmq
