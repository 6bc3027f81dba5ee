// What the broker says for people to read.
#include "src/broker/test_broker.h"

namespace eventmq {
namespace {

std::vector<std::string> words_of(const Effects& effects) {
  std::vector<std::string> words;
  for (const LogLine& line : effects.log) {
    words.push_back((line.level == LogLevel::kWarning ? "warning: " : "info: ") + line.text);
  }
  return words;
}

// What the broker logs when it is shut down with these jobs, and a worker for none.
std::vector<std::string> last_words(BrokerSettings settings, const std::vector<std::string>& headers_of_jobs) {
  settings.drain_timeout = Duration{};
  Broker broker(settings, 1, "i", Instant{0});
  Effects effects;
  int number = 0;
  for (const std::string& headers : headers_of_jobs) {
    Request request;
    request.headers = parse_headers(Bytes(headers)).value();
    const Bytes id(fmt::format("j{}", ++number));
    broker.step(MessageArrived{Side::kFrontend, Bytes("c"), {id, std::move(request)}}, Instant{0}, effects);
  }
  effects.log.clear();
  broker.step(ShutdownRequested{}, Instant{0}, effects);
  return words_of(effects);
}

// What the broker logs of a worker that has one free slot and this many jobs when something happens to it.
std::vector<std::string> words_of_loss(int jobs, Event event, Instant now) {
  Broker broker({}, 1, "i", Instant{0});
  Effects effects;
  const auto step = [&](Event each) { broker.step(std::move(each), Instant{0}, effects); };
  const auto says = [&](Body body) { step(MessageArrived{Side::kBackend, Bytes("w"), {Bytes("m"), std::move(body)}}); };
  says(Inform{});
  for (int job = 0; job < jobs; ++job) {
    says(Ready{});
    step(MessageArrived{Side::kFrontend, Bytes("c"), {Bytes(fmt::format("j{}", job)), Request{}}});
  }
  effects.clear();
  broker.step(std::move(event), now, effects);
  return words_of(effects);
}

TEST(WordsOfLossTest, TheySayWhatHappenedToAWorkerAndHowManyJobsItHad) {
  const Instant start{0}, later = start + seconds(5);
  const Event leaves = MessageArrived{Side::kBackend, Bytes("w"), {Bytes("m"), Goodbye{}}};
  const Event anew = MessageArrived{Side::kBackend, Bytes("w"), {Bytes("m"), Inform{}}};
  EXPECT_THAT(words_of_loss(0, Tick{}, later), Contains("warning: worker w has been silent for 5.0 s and is gone"));
  EXPECT_THAT(words_of_loss(1, Tick{}, later),
              Contains("warning: worker w has been silent for 5.0 s and is gone with 1 job"));
  EXPECT_THAT(words_of_loss(2, anew, start), Contains("warning: worker w started anew and is gone with 2 jobs"));
  EXPECT_THAT(words_of_loss(0, leaves, start), Contains("info: worker w left and is gone"));
}

TEST(LastWordsTest, TheySayHowManyJobsStayInTheStoreAndHowManyAreLost) {
  BrokerSettings settings;
  settings.store_durable = true;
  settings.window_jobs = 2;
  EXPECT_THAT(
      last_words(settings, {"guarantee", "guarantee", "guarantee", "guarantee", "guarantee", ""}),
      Contains("warning: at the end 5 guaranteed jobs stay in the store, and 1 jobs that it does not keep are lost"));
  EXPECT_THAT(
      last_words(settings, {"guarantee", "guarantee", "guarantee"}),
      Contains("info: at the end 3 guaranteed jobs stay in the store, and 0 jobs that it does not keep are lost"));
  EXPECT_THAT(last_words(settings, {}), ::testing::Each(Not(HasSubstr("at the end"))));
  settings.store_durable = false;
  EXPECT_THAT(
      last_words(settings, {"guarantee", ""}),
      Contains("warning: at the end 0 guaranteed jobs stay in the store, and 2 jobs that it does not keep are lost"));
}

}  // namespace
}  // namespace eventmq
