#include "src/transport/dealer_socket.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <deque>

#include "src/transport/transport_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

class DealerSocketTest : public testing::Test {
 protected:
  ZmqContext context_;
  ConnectionHub hub_;
  DealerSocket dealer_{context_, small_options()};

  RouterSocket listen(const std::string& address = "tcp://127.0.0.1:*") {
    RouterSocket router(hub_, small_options());
    const Result<void> bound = router.bind(address);
    EXPECT_TRUE(bound) << bound.error().text;
    return router;
  }
};

TEST_F(DealerSocketTest, SaysConnectedOnce) {
  RouterSocket router = listen();
  ASSERT_TRUE(dealer_.connect(router.endpoint(), "p"));
  Frames frames;
  EXPECT_EQ(wait_input(dealer_, frames, &router), DealerInput::kConnected);
  EXPECT_EQ(dealer_.receive(frames), DealerInput::kNothing);
}

TEST_F(DealerSocketTest, AProcessHasHundredsOfThem) {
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 3000) GTEST_SKIP() << "the system has no more than " << files.rlim_max << " descriptors for us";
  const rlimit all{files.rlim_max, files.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
  std::deque<DealerSocket> dealers;
  for (int number = 0; number < 400; ++number) {
    const Result<void> connected =
        dealers.emplace_back(context_, small_options()).connect("tcp://127.0.0.1:1", "p" + std::to_string(number));
    EXPECT_TRUE(connected) << number << ": " << connected.error().text;
  }
  dealers.clear();
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
}

TEST_F(DealerSocketTest, SaysLostWhenTheBrokerGoes) {
  RouterSocket router = listen();
  const std::string endpoint = router.endpoint();
  ASSERT_TRUE(dealer_.connect(endpoint, "p"));
  Frames frames;
  ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kConnected);
  router.close(Duration{});
  EXPECT_EQ(wait_input(dealer_, frames, &router), DealerInput::kLost);
  EXPECT_THAT(dealer_.lost_reason(), HasSubstr(endpoint + " closed the connection"));
  EXPECT_EQ(dealer_.receive(frames), DealerInput::kNothing) << "it is said once";
}

TEST_F(DealerSocketTest, AfterLostNothingMakesItReady) {
  RouterSocket router = listen();
  ASSERT_TRUE(dealer_.connect(router.endpoint(), "p"));
  Frames frames;
  ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kConnected);
  router.close(Duration{});
  ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kLost);
  while (dealer_.receive(frames) != DealerInput::kNothing) {
  }
  Poller poller;
  const Poller::Token token = poller.watch(dealer_);
  poller.wait(Duration{});
  EXPECT_FALSE(poller.ready(token));
}

TEST_F(DealerSocketTest, AllMessagesComeBeforeLost) {
  RouterSocket router = listen();
  ASSERT_TRUE(dealer_.connect(router.endpoint(), "p"));
  ASSERT_TRUE(dealer_.send(frames_of({"hello"})));
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router, id, frames));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(router.send(id, frames_of({std::to_string(i)})), SendResult::kSent);
  router.close(seconds(30));
  for (int i = 0; i < 500; ++i) ASSERT_THAT(wait_texts(dealer_), ElementsAre(std::to_string(i)));
  Frames last;
  EXPECT_EQ(wait_input(dealer_, last), DealerInput::kLost);
}

TEST_F(DealerSocketTest, SaysLostWhenNobodyListens) {
  ASSERT_TRUE(dealer_.connect("tcp://127.0.0.1:1", "p"));  // a port that nobody serves
  Frames frames;
  EXPECT_EQ(wait_input(dealer_, frames), DealerInput::kLost);
  EXPECT_THAT(dealer_.lost_reason(), HasSubstr("nobody answers at tcp://127.0.0.1:1"));
}

TEST_F(DealerSocketTest, DoesNotReconnectByItself) {
  RouterSocket router = listen();
  const std::string endpoint = router.endpoint();
  ASSERT_TRUE(dealer_.connect(endpoint, "p"));
  Frames frames;
  ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kConnected);
  router.close(Duration{});
  ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kLost);
  EXPECT_TRUE(dealer_.send(frames_of({"of the old conversation"})));
  RouterSocket again = listen();
  ASSERT_TRUE(dealer_.connect(again.endpoint(), "p"));
  ASSERT_TRUE(dealer_.send(frames_of({"of the new conversation"})));
  Bytes id;
  ASSERT_TRUE(wait_message(again, id, frames));
  EXPECT_THAT(texts_of(frames), ElementsAre("of the new conversation"));
}

TEST_F(DealerSocketTest, SendsBeforeTheConnectionIsMadeAreQueued) {
  RouterSocket router = listen();
  ASSERT_TRUE(dealer_.connect(router.endpoint(), "p"));
  ASSERT_TRUE(dealer_.send(frames_of({"early"})));
  Bytes id;
  Frames frames;
  ASSERT_TRUE(wait_message(router, id, frames));
  EXPECT_THAT(texts_of(frames), ElementsAre("early"));
}

TEST_F(DealerSocketTest, ANameIsTriedAsIpv6TooWhenOtherAddressesAreTriedInBetween) {
  RouterSocket router(hub_, small_options());
  if (!router.bind("tcp://[::1]:*")) GTEST_SKIP() << "this machine has no IPv6";
  const std::string by_name = "tcp://localhost" + router.endpoint().substr(router.endpoint().rfind(':'));
  Frames frames;
  for (const std::string& address : {by_name, std::string("tcp://127.0.0.1:1")}) {
    ASSERT_TRUE(dealer_.connect(address, "p"));
    ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kLost);
  }
  ASSERT_TRUE(dealer_.connect(by_name, "p"));
  EXPECT_EQ(wait_input(dealer_, frames, &router), DealerInput::kConnected);
}

TEST_F(DealerSocketTest, SendsAfterCloseAreRefused) {
  EXPECT_FALSE(dealer_.send(frames_of({"x"})));
  RouterSocket router = listen();
  ASSERT_TRUE(dealer_.connect(router.endpoint(), "p"));
  EXPECT_TRUE(dealer_.is_open());
  dealer_.close(Duration{});
  EXPECT_FALSE(dealer_.is_open());
  EXPECT_FALSE(dealer_.send(frames_of({"x"})));
  Frames frames;
  EXPECT_EQ(dealer_.receive(frames), DealerInput::kNothing);
}

TEST_F(DealerSocketTest, WhatIsQueuedStillLeavesWithinTheLingeringTime) {
  RouterSocket router = listen();
  ASSERT_TRUE(dealer_.connect(router.endpoint(), "p"));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(dealer_.send(frames_of({std::to_string(i)})));
  dealer_.close(seconds(30));
  for (int i = 0; i < 100; ++i) {
    Bytes id;
    Frames frames;
    ASSERT_TRUE(wait_message(router, id, frames));
    ASSERT_THAT(texts_of(frames), ElementsAre(std::to_string(i)));
  }
}

TEST_F(DealerSocketTest, AFullQueueRefusesTheMessage) {
  SocketOptions options = small_options();
  options.send_queue_messages = 10;
  DealerSocket dealer(context_, options);
  ASSERT_TRUE(dealer.connect("tcp://127.0.0.1:1", "p"));
  size_t sent = 0;
  while (dealer.send(frames_of({"a", "b"}))) ASSERT_LT(++sent, 1000u);
  EXPECT_GE(sent, 10u);
}

TEST_F(DealerSocketTest, AHostNameReachesABrokerOnEitherFamily) {
  RouterSocket router = listen();
  const std::string port = router.endpoint().substr(router.endpoint().rfind(':'));
  for (const std::string& name : {"tcp://localhost" + port, "tcp://127.0.0.1" + port}) {
    DealerInput input = DealerInput::kLost;
    Frames frames;
    for (int attempt = 0; attempt < 2 && input == DealerInput::kLost; ++attempt) {
      ASSERT_TRUE(dealer_.connect(name, "p" + name));
      input = wait_input(dealer_, frames, &router);
    }
    EXPECT_EQ(input, DealerInput::kConnected) << name;
  }
}

TEST_F(DealerSocketTest, MalformedAddressesAndRoutingIdsAreRefused) {
  for (const char* address : {"", "localhost:1", "tcp://*:1", "tcp://127.0.0.1:*"}) {
    const Result<void> connected = dealer_.connect(address, "p");
    ASSERT_FALSE(connected) << address;
    EXPECT_EQ(connected.error().code, ErrorCode::kBadValue);
  }
  for (const std::string& id : {std::string(), std::string(256, 'x'), std::string("\0x", 2)}) {
    EXPECT_FALSE(dealer_.connect("tcp://127.0.0.1:1", id));
  }
  EXPECT_TRUE(dealer_.connect("tcp://127.0.0.1:1", std::string(255, 'x')));
}

TEST_F(DealerSocketTest, ManyConversationsLeaveNothingBehind) {
  RouterSocket router = listen();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(dealer_.connect(router.endpoint(), "p" + std::to_string(i))) << i;
    Frames frames;
    ASSERT_EQ(wait_input(dealer_, frames, &router), DealerInput::kConnected) << i;
  }
}

}  // namespace
}  // namespace eventmq
