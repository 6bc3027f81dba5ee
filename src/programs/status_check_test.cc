#include "src/programs/status_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace eventmq {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Json = nlohmann::ordered_json;

Json counts(int accepted, int done, int waiting) {
  return {{"name", "reports"}, {"accepted", accepted}, {"done", done}, {"waiting", waiting}, {"running", 1}};
}

Json status(const Json& totals, const Json& row) {
  return {{"store", {{"available", true}, {"fault", ""}}}, {"totals", totals}, {"queues", Json::array({row})}};
}

TEST(StatusCheckTest, CountsThatAddUpAreNoProblem) {
  EXPECT_THAT(problems_of_status(status(counts(6, 3, 2), counts(6, 3, 2))), IsEmpty());
}

TEST(StatusCheckTest, AQueueThatLostAJobIsNamed) {
  EXPECT_THAT(problems_of_status(status(counts(6, 3, 2), counts(7, 3, 2))),
              ElementsAre(Field(&StoreProblem::text, AllOf(HasSubstr("accepted 7 jobs in queue reports"),
                                                           HasSubstr("3 done"), HasSubstr("are 6: restart it")))));
}

TEST(StatusCheckTest, TotalsThatDoNotAddUpAreAProblem) {
  EXPECT_THAT(problems_of_status(status(counts(6, 3, 3), counts(6, 3, 2))),
              ElementsAre(Field(&StoreProblem::text, HasSubstr("accepted 6 jobs in all"))));
}

TEST(StatusCheckTest, AStoreThatIsNotAvailableIsAProblemWithItsFault) {
  Json answer = status(counts(6, 3, 2), counts(6, 3, 2));
  answer["store"] = {{"available", false}, {"fault", "no space is left: free some"}};
  EXPECT_THAT(
      problems_of_status(answer),
      ElementsAre(Field(&StoreProblem::text, HasSubstr("not available, so it takes no guaranteed jobs: no space"))));
}

TEST(StatusCheckTest, AnAnswerThatIsNoStatusIsAProblem) {
  EXPECT_THAT(problems_of_status(Json::object()), SizeIs(2));
  EXPECT_THAT(problems_of_status(Json("running")), SizeIs(2));
}

}  // namespace
}  // namespace eventmq
