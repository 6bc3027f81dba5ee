#include "src/transport/address.h"

#include <gtest/gtest.h>

namespace eventmq {
namespace {

TEST(AddressTest, GoodFormsAreTaken) {
  for (const char* address :
       {"tcp://127.0.0.1:47291", "tcp://[::1]:1", "tcp://broker.example:65535", "ipc:///run/x", "inproc://here"}) {
    EXPECT_TRUE(check_address(address, AddressUse::kConnect)) << address;
    EXPECT_TRUE(check_address(address, AddressUse::kListen)) << address;
  }
}

TEST(AddressTest, WildcardsAreForListeningOnly) {
  for (const char* address : {"tcp://*:47291", "tcp://127.0.0.1:*"}) {
    EXPECT_TRUE(check_address(address, AddressUse::kListen)) << address;
    EXPECT_FALSE(check_address(address, AddressUse::kConnect)) << address;
  }
}

TEST(AddressTest, MalformedOnesAreRefusedWithTheReason) {
  struct Case {
    const char* address;
    const char* reason;
  };
  for (const Case& c :
       {Case{"", "must look like"}, Case{"127.0.0.1:1", "must look like"}, Case{"udp://h:1", "must look like"},
        Case{"tcp://host", "no port"}, Case{"tcp://:1", "no host"}, Case{"tcp://h:", "no number"},
        Case{"tcp://h:0", "no number"}, Case{"tcp://h:65536", "no number"}, Case{"tcp://h:1x", "no number"},
        Case{"ipc://", "must look like"}, Case{"ipc://*", "names no file"}}) {
    const Result<void> checked = check_address(c.address, AddressUse::kListen);
    ASSERT_FALSE(checked) << c.address;
    EXPECT_EQ(checked.error().code, ErrorCode::kBadValue);
    EXPECT_NE(checked.error().text.find(c.reason), std::string::npos) << checked.error().text;
  }
}

TEST(AddressTest, TheAdviceCanBeFollowed) {
  EXPECT_EQ(check_address("tcp://host", AddressUse::kConnect).error().text,
            "the address 'tcp://host' has no port; write tcp://host:port");
  EXPECT_EQ(check_address("tcp://host", AddressUse::kListen).error().text,
            "the address 'tcp://host' has no port; write tcp://127.0.0.1:port, or tcp://*:port for every interface");
}

TEST(AddressTest, TwoSocketsInOnePlaceAreSeen) {
  struct Pair {
    const char* one;
    const char* other;
  };
  for (const Pair& pair :
       {Pair{"tcp://127.0.0.1:5", "tcp://127.0.0.1:5"}, Pair{"tcp://localhost:5", "tcp://127.0.0.1:5"},
        Pair{"tcp://127.0.0.1:05", "tcp://127.0.0.1:5"}, Pair{"tcp://lo:5", "tcp://127.0.0.1:5"},
        Pair{"tcp://*:5", "tcp://127.0.0.1:5"}, Pair{"tcp://0.0.0.0:5", "tcp://*:5"},
        Pair{"tcp://[::]:5", "tcp://10.0.0.1:5"}, Pair{"ipc:///run/x", "ipc:///run/x"},
        Pair{"ipc:///run/./x", "ipc:///run//x"}}) {
    EXPECT_TRUE(same_place(pair.one, pair.other)) << pair.one << " " << pair.other;
    EXPECT_TRUE(same_place(pair.other, pair.one)) << pair.one << " " << pair.other;
  }
  for (const Pair& pair :
       {Pair{"tcp://127.0.0.1:5", "tcp://127.0.0.1:6"}, Pair{"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"},
        Pair{"tcp://127.0.0.1:5", "tcp://127.0.0.2:5"}, Pair{"ipc:///run/x", "ipc:///run/y"},
        Pair{"ipc:///run/x:5", "tcp://*:5"}}) {
    EXPECT_FALSE(same_place(pair.one, pair.other)) << pair.one << " " << pair.other;
  }
}

TEST(AddressTest, OnlyLoopbackIsKeptFromOtherMachines) {
  for (const char* address :
       {"tcp://127.0.0.1:1", "tcp://127.3.2.1:1", "tcp://[::1]:1", "tcp://localhost:1", "ipc:///x", "inproc://x"}) {
    EXPECT_FALSE(reachable_from_other_machines(address)) << address;
  }
  for (const char* address : {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://10.0.0.1:1", "tcp://eth0:1",
                              "tcp://127.evil.example:1"}) {
    EXPECT_TRUE(reachable_from_other_machines(address)) << address;
  }
}

TEST(AddressTest, TheKindOfHostIsKnown) {
  EXPECT_EQ(host_kind("tcp://10.0.0.1:1"), HostKind::kIpv4);
  EXPECT_EQ(host_kind("tcp://[fe80::1%eth0]:1"), HostKind::kIpv6);
  EXPECT_EQ(host_kind("tcp://broker:1"), HostKind::kName);
  EXPECT_EQ(host_kind("tcp://*:1"), HostKind::kAny);
  EXPECT_EQ(host_kind("ipc://x"), HostKind::kNone);
}

TEST(AddressTest, LocalhostNeedsNoLookup) {
  EXPECT_EQ(without_lookup("tcp://localhost:47291", false), "tcp://127.0.0.1:47291");
  EXPECT_EQ(without_lookup("tcp://localhost:47291", true), "tcp://[::1]:47291");
  EXPECT_EQ(without_lookup("tcp://LocalHost:1", false), "tcp://127.0.0.1:1");
  for (const char* other : {"tcp://localhost.example:1", "tcp://10.0.0.1:1", "ipc://localhost:1", "tcp://localhost"}) {
    EXPECT_EQ(without_lookup(other, false), other);
  }
}

TEST(AddressTest, AnInterfaceIsListenedOnAtItsIpv4Address) {
  EXPECT_EQ(listening_place("tcp://lo:47291"), "tcp://127.0.0.1:47291");
  EXPECT_EQ(listening_place("tcp://lo:*"), "tcp://127.0.0.1:*");
  EXPECT_EQ(listening_place("tcp://LOCALHOST:047291"), "tcp://127.0.0.1:47291");
  for (const char* other : {"tcp://nosuch0:1", "tcp://10.0.0.1:1", "tcp://*:0", "ipc://lo:1", "tcp://lo"}) {
    EXPECT_EQ(listening_place(other), other);
  }
}

}  // namespace
}  // namespace eventmq
