#include "src/wire/messages.h"

#include <gtest/gtest.h>

#include <set>

namespace eventmq {
namespace {

TEST(MessagesTest, EveryOutcomeHasAWordThatIsReadBack) {
  std::set<std::string_view> words;
  for (int index = 0; index <= static_cast<int>(Outcome::kExpired); ++index) {
    const auto outcome = static_cast<Outcome>(index);
    Outcome read = Outcome::kOk;
    ASSERT_TRUE(outcome_from_word(outcome_word(outcome), read)) << index;
    EXPECT_EQ(read, outcome);
    EXPECT_TRUE(words.insert(outcome_word(outcome)).second) << outcome_word(outcome);
  }
  EXPECT_EQ(outcome_word(Outcome::kUnknownJob), "unknown-job");
  EXPECT_EQ(outcome_word(Outcome::kReturned), "returned");
  EXPECT_EQ(outcome_word(Outcome::kExpired), "expired");
}

TEST(MessagesTest, UnknownOutcomeLeavesTheValueAlone) {
  Outcome outcome = Outcome::kKilled;
  EXPECT_FALSE(outcome_from_word("fine", outcome));
  EXPECT_FALSE(outcome_from_word("", outcome));
  EXPECT_EQ(outcome, Outcome::kKilled);
}

TEST(MessagesTest, PeerKindsHaveTheirWords) {
  EXPECT_EQ(peer_kind_word(PeerKind::kClient), "client");
  EXPECT_EQ(peer_kind_word(PeerKind::kWorker), "worker");
  EXPECT_EQ(peer_kind_word(PeerKind::kScheduler), "scheduler");
}

TEST(MessagesTest, CommandsHaveTheirWords) {
  EXPECT_EQ(command_word(Request{}), "REQUEST");
  EXPECT_EQ(command_word(Unschedule{}), "UNSCHEDULE");
  EXPECT_EQ(command_word(Goodbye{}), "KBYE");
  EXPECT_EQ(command_word(ErrorMessage{}), "ERROR");
  EXPECT_EQ(command_word(StatusQuery{}), "STATUS");
  EXPECT_EQ(command_word(ShowSchedulers{}), "ROUTER_SHOW_SCHEDULERS");
  EXPECT_EQ(command_word(Query{}), "QUERY");
}

}  // namespace
}  // namespace eventmq
