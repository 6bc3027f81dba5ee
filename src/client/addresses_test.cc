#include "src/client/addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace eventmq {
namespace {

std::string complete(std::string_view text) {
  const auto addresses = complete_addresses(text, "47291");
  if (!addresses) return addresses.error().text;
  std::string joined;
  for (const std::string& address : *addresses) joined += (joined.empty() ? "" : " ") + address;
  return joined;
}

TEST(AddressesTest, WhatIsMissingIsAdded) {
  EXPECT_EQ(complete("localhost"), "tcp://localhost:47291");
  EXPECT_EQ(complete("broker.example:9"), "tcp://broker.example:9");
  EXPECT_EQ(complete("tcp://10.0.0.1"), "tcp://10.0.0.1:47291");
  EXPECT_EQ(complete("::1"), "tcp://[::1]:47291");
  EXPECT_EQ(complete("[::1]:9"), "tcp://[::1]:9");
  EXPECT_EQ(complete("ipc:///run/emq.sock"), "ipc:///run/emq.sock");
}

TEST(AddressesTest, SeveralStandBetweenCommas) { EXPECT_EQ(complete("a, tcp://b:2"), "tcp://a:47291 tcp://b:2"); }

TEST(AddressesTest, MalformedIsRefused) {
  for (const char* text : {"", " ", "a,,b", "tcp://", "localhost:port", "localhost:99999", "http://a:1"}) {
    EXPECT_FALSE(complete_addresses(text, "47291")) << text << " became " << complete(text);
  }
}

TEST(AddressesTest, GivenWinsOverEnvironmentOverDefault) {
  ::setenv("EMQ_TEST_ADDR", "from-environment", 1);
  EXPECT_EQ(given_or_environment("given", "EMQ_TEST_ADDR", "default"), "given");
  EXPECT_EQ(given_or_environment("", "EMQ_TEST_ADDR", "default"), "from-environment");
  ::setenv("EMQ_TEST_ADDR", "", 1);
  EXPECT_EQ(given_or_environment("", "EMQ_TEST_ADDR", "default"), "default");
  ::unsetenv("EMQ_TEST_ADDR");
}

}  // namespace
}  // namespace eventmq
