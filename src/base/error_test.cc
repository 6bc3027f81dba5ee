#include "eventmq/error.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace eventmq {
namespace {

const std::vector<ErrorCode>& all_codes() {
  static const std::vector<ErrorCode> codes = {
#define EVENTMQ_X(name, word, error_class, meaning) ErrorCode::name,
      EVENTMQ_ERROR_CODES(EVENTMQ_X)
#undef EVENTMQ_X
  };
  return codes;
}

TEST(ErrorTest, EveryCodeIsFoundByItsWord) {
  for (const ErrorCode code : all_codes()) EXPECT_EQ(error_code_from_word(error_word(code)), code) << error_word(code);
}

TEST(ErrorTest, WordsAreDistinctAndFitForTheWire) {
  std::set<std::string_view> words;
  for (const ErrorCode code : all_codes()) {
    EXPECT_TRUE(words.insert(error_word(code)).second) << error_word(code);
    EXPECT_EQ(error_word(code).find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos);
    EXPECT_FALSE(error_meaning(code).empty());
  }
}

TEST(ErrorTest, AWordOfANewerPeerIsStillAnError) {
  EXPECT_EQ(error_code_from_word("out-of-cheese"), ErrorCode::kBadMessage);
  EXPECT_EQ(error_code_from_word(""), ErrorCode::kBadMessage);
}

TEST(ErrorTest, TheClassSaysWhatToDo) {
  EXPECT_EQ(error_class(ErrorCode::kQueueFull), ErrorClass::kRetry);
  EXPECT_EQ(error_class(ErrorCode::kBadMessage), ErrorClass::kFix);
  EXPECT_EQ(error_class(ErrorCode::kUnreachable), ErrorClass::kReconnect);
}

TEST(ErrorTest, AFailureCarriesCodeAndText) {
  const Result<int> result = fail(ErrorCode::kBadValue, "no such thing");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), (Error{ErrorCode::kBadValue, "no such thing"}));
}

TEST(ErrorTest, AnExceptionSaysWordAndText) {
  const Exception exception(Error{ErrorCode::kTimedOut, "no answer in 5 s"});
  EXPECT_STREQ(exception.what(), "timed-out: no answer in 5 s");
  EXPECT_EQ(exception.code(), ErrorCode::kTimedOut);
}

}  // namespace
}  // namespace eventmq
