#include "src/transport/listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "src/transport/raw_peer.h"
#include "src/transport/testing/file_limit.h"
#include "testing/temporary_folder.h"

namespace eventmq {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

Listener opened(const std::string& address) {
  Result<Listener> listener = Listener::open(address);
  EXPECT_TRUE(listener) << listener.error().text;
  return listener ? std::move(*listener) : Listener();
}
std::string refusal(const std::string& address, ErrorCode code = ErrorCode::kSystem) {
  const Result<Listener> listener = Listener::open(address);
  EXPECT_FALSE(listener);
  if (listener) return {};
  EXPECT_EQ(listener.error().code, code);
  EXPECT_THAT(listener.error().text, HasSubstr(address));
  return listener.error().text;
}
std::string port_of(const Listener& listener) { return listener.endpoint().substr(listener.endpoint().rfind(':') + 1); }

template <class Address>
FileDescriptor connected(const Address& address, socklen_t size = sizeof(Address)) {
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  FileDescriptor fd(::socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), any, size) == 0 ? std::move(fd) : FileDescriptor();
}
FileDescriptor connected_by_ipv4(const Listener& listener) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port_of(listener))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connected(address);
}
FileDescriptor connected_by_ipv6(const Listener& listener) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<uint16_t>(std::stoi(port_of(listener))));
  address.sin6_addr = in6addr_loopback;
  return connected(address);
}
// The connection that somebody has made.
FileDescriptor accepted_by(const Listener& listener) {
  pollfd item{listener.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&item, 1, 60'000), 1);
  FileDescriptor fd = listener.accept();
  EXPECT_TRUE(fd.is_open());
  return fd;
}
int option(const FileDescriptor& fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &size), 0);
  return value;
}
bool has_ipv6() {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const FileDescriptor fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd.is_open() && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST(ListenerTest, TellsThePortThatTheSystemChose) {
  const Listener listener = opened("tcp://127.0.0.1:*");
  EXPECT_THAT(listener.endpoint(), MatchesRegex("tcp://127.0.0.1:[1-9][0-9]*"));
  EXPECT_TRUE(connected_by_ipv4(listener).is_open());
  EXPECT_THAT(opened("tcp://127.0.0.1:*").endpoint(), testing::Ne(listener.endpoint()));
}

TEST(ListenerTest, ListensAtAPortThatIsGiven) {
  std::string endpoint;
  {
    const Listener before = opened("tcp://127.0.0.1:*");
    endpoint = before.endpoint();
    const FileDescriptor peer = connected_by_ipv4(before);
    accepted_by(before);  // whose end leaves the port in TIME_WAIT
  }
  EXPECT_EQ(opened(endpoint).endpoint(), endpoint) << "a broker can be started again at once";
}

TEST(ListenerTest, ListensByIpv6) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  const Listener listener = opened("tcp://[::1]:*");
  EXPECT_THAT(listener.endpoint(), MatchesRegex("tcp://\\[::1\\]:[1-9][0-9]*"));
  const FileDescriptor peer = connected_by_ipv6(listener);
  ASSERT_TRUE(peer.is_open());
  EXPECT_THAT(peer_address(accepted_by(listener).get()), MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
}

TEST(ListenerTest, AStarIsEveryInterfaceByIpv4AndIpv6) {
  const Listener listener = opened("tcp://*:*");
  const FileDescriptor ipv4 = connected_by_ipv4(listener);
  ASSERT_TRUE(ipv4.is_open());
  EXPECT_THAT(peer_address(accepted_by(listener).get()), MatchesRegex("127.0.0.1:[1-9][0-9]*"));
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  const FileDescriptor ipv6 = connected_by_ipv6(listener);
  ASSERT_TRUE(ipv6.is_open());
  EXPECT_THAT(peer_address(accepted_by(listener).get()), MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
}

TEST(ListenerTest, AStarAtAPortInUseIsRefused) {
  const Listener first = opened("tcp://*:*");
  EXPECT_THAT(refusal("tcp://*:" + port_of(first)), HasSubstr("another program uses this address"));
}

TEST(ListenerTest, LocalhostAndTheNameOfAnInterfaceAreAddresses) {
  EXPECT_THAT(opened("tcp://localhost:*").endpoint(), MatchesRegex("tcp://127.0.0.1:[1-9][0-9]*"));
  EXPECT_THAT(opened("tcp://lo:*").endpoint(), MatchesRegex("tcp://127.0.0.1:[1-9][0-9]*"));
}

TEST(ListenerTest, AnAddressInUseIsRefused) {
  const Listener first = opened("tcp://127.0.0.1:*");
  EXPECT_THAT(refusal(first.endpoint()), HasSubstr("another program uses this address"));
  EXPECT_TRUE(connected_by_ipv4(first).is_open());
}

TEST(ListenerTest, AnAddressOfAnotherMachineIsRefused) {
  EXPECT_THAT(refusal("tcp://192.0.2.1:47291"), HasSubstr("the host is no address of this machine"));
  EXPECT_THAT(refusal("tcp://nointerface:47291"), HasSubstr("the host is no address of this machine"));
}

TEST(ListenerTest, WhatIsNoAddressIsRefused) {
  refusal("tcp://127.0.0.1", ErrorCode::kBadValue);
  refusal("udp://127.0.0.1:47291", ErrorCode::kBadValue);
  EXPECT_THAT(refusal("inproc://name", ErrorCode::kBadValue), HasSubstr("write tcp://host:port or ipc://path"));
}

TEST(ListenerTest, ThatThereAreNoMoreFilesIsNamed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer looks at an object by way of a pipe";
#endif
  const test::FileLimit limit(test::limit_that_leaves(0));
  EXPECT_THAT(refusal("tcp://127.0.0.1:1"), HasSubstr("Too many open files"));
  EXPECT_THAT(refusal("ipc:///tmp/emq-test-never-made"), HasSubstr("Too many open files"));
}

TEST(ListenerTest, NothingIsAcceptedWhereNobodyWaits) {
  const Listener listener = opened("tcp://127.0.0.1:*");
  EXPECT_FALSE(listener.accept().is_open());
  EXPECT_EQ(errno, EAGAIN);
}

TEST(ListenerTest, AConnectionOfTcpIsPromptAndNoticesAHostThatVanished) {
  const Listener listener = opened("tcp://127.0.0.1:*");
  const FileDescriptor peer = connected_by_ipv4(listener);
  const FileDescriptor accepted = accepted_by(listener);
  EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
  const int seconds = option(accepted, IPPROTO_TCP, TCP_KEEPIDLE) +
                      option(accepted, IPPROTO_TCP, TCP_KEEPINTVL) * option(accepted, IPPROTO_TCP, TCP_KEEPCNT);
  EXPECT_EQ(seconds, 30);
  char byte;
  EXPECT_EQ(::recv(accepted.get(), &byte, 1, 0), -1) << "it does not block";
  EXPECT_EQ(errno, EAGAIN);
}

TEST(ListenerTest, APeerThatHasGoneHasNoAddress) {
  const Listener listener = opened("tcp://127.0.0.1:*");
  {
    const test::RawPeer peer(listener.endpoint());
    peer.leave_rudely();
  }
  EXPECT_EQ(peer_address(accepted_by(listener).get()), "");
}

// --- Paths ---

class PathListenerTest : public testing::Test {
 protected:
  // False if nobody listens.
  bool reachable() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    return connected(address).is_open();
  }
  bool is_socket() const { return std::filesystem::is_socket(path_); }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("s"), address_ = "ipc://" + path_;
};

TEST_F(PathListenerTest, APathIsListenedOnAndItsFileGoesWithTheListener) {
  Listener listener = opened(address_);
  EXPECT_EQ(listener.endpoint(), address_);
  EXPECT_TRUE(reachable());
  listener.close();
  EXPECT_FALSE(listener.is_open());
  EXPECT_FALSE(is_socket());
  listener.close();  // again, which does nothing
}

TEST_F(PathListenerTest, APeerIsNamedByItsProcessAndUser) {
  const Listener listener = opened(address_);
  const test::RawPeer peer(address_);
  const std::string expected =
      "process " + std::to_string(::getpid()) + " of user " + std::to_string(static_cast<unsigned>(::getuid()));
  EXPECT_EQ(peer_address(accepted_by(listener).get()), expected);
}

TEST_F(PathListenerTest, APathInUseIsRefusedAndItsOwnerNotHarmed) {
  const Listener owner = opened(address_);
  EXPECT_THAT(refusal(address_), HasSubstr("another program uses this address"));
  EXPECT_TRUE(is_socket());
  EXPECT_TRUE(reachable());
}

TEST_F(PathListenerTest, WhatAProgramLeftThatEndedIsTakenOver) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(is_socket());
  const Listener listener = opened(address_);
  EXPECT_TRUE(reachable());
}

TEST_F(PathListenerTest, AFileThatIsNoSocketIsKept) {
  std::ofstream(path_) << "of somebody";
  EXPECT_THAT(refusal(address_), HasSubstr("there is a file that is no socket"));
  std::string text;
  std::getline(std::ifstream(path_), text);
  EXPECT_EQ(text, "of somebody");
}

TEST_F(PathListenerTest, APathTooLongIsNamed) {
  EXPECT_THAT(refusal(address_ + std::string(200, 'x')), HasSubstr("name too long"));
}

TEST_F(PathListenerTest, AFolderThatIsNotThereIsNamed) {
  EXPECT_THAT(refusal("ipc://" + folder_.file("nowhere/s")), HasSubstr("No such file or directory"));
}

TEST_F(PathListenerTest, ASocketThatAnotherMadeAtItsPathIsKept) {
  Listener first = opened(address_);
  std::filesystem::remove(path_);
  const Listener second = opened(address_);
  first.close();
  EXPECT_TRUE(is_socket());
  EXPECT_TRUE(reachable());
}

TEST_F(PathListenerTest, AnAbstractNameIsNoFile) {
  const std::string name = "@" + path_;
  const std::string address = "ipc://" + name;
  const Listener listener = opened(address);
  EXPECT_EQ(listener.endpoint(), address);
  EXPECT_FALSE(std::filesystem::exists(name));
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  name.copy(place.sun_path, sizeof place.sun_path - 1);
  place.sun_path[0] = '\0';
  EXPECT_TRUE(connected(place, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())).is_open());
  EXPECT_THAT(refusal(address), HasSubstr("another program uses this address"));
}

TEST_F(PathListenerTest, AListenerThatWasMovedStillOwnsItsFile) {
  Listener first = opened(address_);
  {
    const Listener second = std::move(first);
    EXPECT_TRUE(reachable());
  }
  EXPECT_FALSE(is_socket());
}

}  // namespace
}  // namespace eventmq
