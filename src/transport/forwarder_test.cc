#include "src/transport/forwarder.h"

#include <gmock/gmock.h>

#include <thread>

#include "src/transport/transport_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::ElementsAre;

TEST(ForwarderTest, MessagesPassUntouchedBothWays) {
  ZmqContext context;
  Forwarder forwarder(context, "client", "worker");
  ASSERT_TRUE(forwarder.open());
  std::thread thread([&] { forwarder.run(); });
  DealerSocket client(context, small_options());
  DealerSocket worker(context, small_options());
  ASSERT_TRUE(client.connect(forwarder.frontend(), "client"));
  ASSERT_TRUE(worker.connect(forwarder.backend(), "worker"));

  // A message for a peer that is not known yet is dropped, so both say something until the other has heard it.
  const auto exchange = [](DealerSocket& from, DealerSocket& to) {
    const auto since = std::chrono::steady_clock::now();
    Poller poller;
    poller.watch(to);
    for (Frames frames; !expired(since); frames = Frames()) {
      EXPECT_TRUE(from.send(frames_of({"", "eMQP/1.0", "x"})));
      poller.wait(milliseconds(20));
      DealerInput input = to.receive(frames);
      if (input == DealerInput::kConnected) input = to.receive(frames);
      if (input == DealerInput::kMessage) return texts_of(frames);
    }
    return std::vector<std::string>();
  };
  EXPECT_THAT(exchange(client, worker), ElementsAre("", "eMQP/1.0", "x"));
  EXPECT_THAT(exchange(worker, client), ElementsAre("", "eMQP/1.0", "x"));
  forwarder.stop();
  thread.join();
}

}  // namespace
}  // namespace eventmq
