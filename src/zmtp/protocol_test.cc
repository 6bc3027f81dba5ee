#include "src/zmtp/protocol.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace eventmq::zmtp {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kNoZmtp = "it does not speak ZMTP", kTooOld = "it speaks a version of ZMTP before 3",
                           kSecured = "it wants a security mechanism, and there is none here",
                           kNoFrame = "it sent a frame that is not of ZMTP", kMalformed = "its READY is malformed";

std::string greeting_of(uint8_t major, uint8_t minor, const std::string& mechanism = "NULL") {
  std::string bytes = "\xff\0\0\0\0\0\0\0\1\x7f"s;
  bytes += {static_cast<char>(major), static_cast<char>(minor)};
  bytes += mechanism;
  bytes.resize(kGreetingBytes, '\0');
  return bytes;
}

// `bytes` is good for so long as it has no more than `good` of them, and then refused with `text`.
void expect_refused_after(const std::string& bytes, size_t good, std::string_view text) {
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const auto read = read_greeting(std::string_view(bytes).substr(0, size));
    ASSERT_EQ(read.has_value(), size <= good) << size;
    if (read) {
      EXPECT_FALSE(*read) << size;
    } else {
      EXPECT_EQ(read.error().code, ErrorCode::kBadMessage);
      EXPECT_EQ(read.error().text, text) << size;
    }
  }
}

int minor_of(const std::string& bytes) {
  const auto read = read_greeting(bytes);
  return read && *read ? (*read)->minor : -1;
}

// --- Greetings ---

TEST(ZmtpGreetingTest, OursIsThatOfTheStandard) {
  const std::string expected =
      "\xff\0\0\0\0\0\0\0\x01\x7f"            // signature
      "\x03\x01"                              // version
      "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  // mechanism
      "\0"                                    // as-server
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s;
  ASSERT_EQ(expected.size(), 64u);
  EXPECT_EQ(greeting(), expected);
}

TEST(ZmtpGreetingTest, AGoodOneIsTakenOnceItIsWhole) {
  for (const uint8_t minor : {0, 1, 2, 255}) {
    const std::string bytes = greeting_of(3, minor);
    for (size_t size = 0; size < kGreetingBytes; ++size) {
      const auto read = read_greeting(std::string_view(bytes).substr(0, size));
      ASSERT_TRUE(read && !*read) << size;
    }
    EXPECT_EQ(minor_of(bytes), minor);
    EXPECT_EQ(minor_of(bytes + "and more"), minor);
  }
}

TEST(ZmtpGreetingTest, LaterMajorVersionsAreSpokenToAsOurs) {
  for (const uint8_t major : {4, 5, 127, 128, 255}) EXPECT_EQ(minor_of(greeting_of(major, 0)), 1) << int{major};
}

TEST(ZmtpGreetingTest, WhatStandardsLeaveOpenIsNotLookedAt) {
  std::string bytes = greeting_of(3, 1);
  for (size_t at = 1; at <= 8; ++at) bytes[at] = 'p';
  for (size_t at = 32; at < kGreetingBytes; ++at) bytes[at] = 'f';
  EXPECT_EQ(minor_of(bytes), 1);
}

TEST(ZmtpGreetingTest, AWrongSignatureIsRefusedAtItsFirstWrongByte) {
  std::string bytes = greeting_of(3, 1);
  bytes[9] = '\x7e';
  expect_refused_after(bytes, 9, kNoZmtp);
  expect_refused_after("GET / HTTP/1.1\r\n\r\n", 0, kNoZmtp);
  expect_refused_after("\x01\0"s, 0, kNoZmtp);  // ZMTP 1.0 without a name
}

TEST(ZmtpGreetingTest, AnOldVersionIsRefusedAtItsByte) {
  for (const uint8_t major : {0, 1, 2}) expect_refused_after(greeting_of(major, 1), 10, kTooOld);
}

TEST(ZmtpGreetingTest, AnotherMechanismIsRefusedAtItsFirstOtherByte) {
  expect_refused_after(greeting_of(3, 1, "PLAIN"), 12, kSecured);
  expect_refused_after(greeting_of(3, 0, "CURVE"), 12, kSecured);
  expect_refused_after(greeting_of(3, 1, ""), 12, kSecured);
  expect_refused_after(greeting_of(3, 1, "null"), 12, kSecured);
  expect_refused_after(greeting_of(3, 1, "NULX"), 15, kSecured);
  expect_refused_after(greeting_of(3, 1, "NUL"), 15, kSecured);
  expect_refused_after(greeting_of(4, 0, "NULLS"), 16, kSecured);
  expect_refused_after(greeting_of(3, 1, "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x"s), 31, kSecured);
}

// --- Frames ---

struct HeaderRow {
  std::string bytes;
  bool more, command;
  uint64_t size;
};

TEST(ZmtpFrameTest, HeadersAreReadOnceTheyAreWhole) {
  const std::vector<HeaderRow> rows = {
      {"\x00\x00"s, false, false, 0},
      {"\x00\xff"s, false, false, 255},
      {"\x01\x05"s, true, false, 5},
      {"\x02\0\0\0\0\0\0\x01\x00"s, false, false, 256},
      {"\x03\0\0\0\x01\0\0\0\0"s, true, false, 1ull << 32},
      {"\x02\0\0\0\0\0\0\0\x07"s, false, false, 7},
      {"\x02\xff\xff\xff\xff\xff\xff\xff\xff"s, false, false, std::numeric_limits<uint64_t>::max()},
      {"\x04\x29"s, false, true, 41},
      {"\x06\x80\0\0\0\0\0\0\0"s, false, true, 1ull << 63},
  };
  for (const HeaderRow& row : rows) {
    for (size_t size = 0; size < row.bytes.size(); ++size) {
      const auto part = read_frame_header(std::string_view(row.bytes).substr(0, size));
      ASSERT_TRUE(part && !*part) << size << " bytes of " << testing::PrintToString(row.bytes);
    }
    for (const char* behind : {"", "\x01\x02", "0123456789"}) {
      const auto whole = read_frame_header(row.bytes + behind);
      ASSERT_TRUE(whole && *whole) << testing::PrintToString(row.bytes);
      EXPECT_EQ((*whole)->more, row.more);
      EXPECT_EQ((*whole)->command, row.command);
      EXPECT_EQ((*whole)->size, row.size);
      EXPECT_EQ((*whole)->header_bytes, row.bytes.size());
    }
  }
}

TEST(ZmtpFrameTest, OtherFlagsAreRefusedAtOnce) {
  for (int flags = 0; flags < 256; ++flags) {
    const auto read = read_frame_header(std::string(1, static_cast<char>(flags)));
    const bool good = flags <= 4 || flags == 6;  // a command has no more frames
    EXPECT_EQ(read ? "" : read.error().text, good ? "" : kNoFrame) << flags;
  }
}

TEST(ZmtpFrameTest, WhatIsAddedIsReadBack) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{1} << 32}) {
    for (const bool more : {false, true}) {
      std::string bytes = "before";
      append_frame_header(bytes, size, more);
      ASSERT_EQ(bytes.substr(0, 6), "before");
      const auto read = read_frame_header(std::string_view(bytes).substr(6));
      ASSERT_TRUE(read && *read) << size;
      EXPECT_EQ((*read)->size, size);
      EXPECT_EQ((*read)->more, more);
      EXPECT_FALSE((*read)->command);
      EXPECT_EQ((*read)->header_bytes, bytes.size() - 6);
      EXPECT_EQ((*read)->header_bytes, size <= 255 ? 2u : 9u) << "the standard wants the short form";
    }
  }
}

// --- Commands ---

std::string property(std::string_view name, std::string_view value) {
  std::string bytes(1, static_cast<char>(name.size()));
  bytes += name;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value.size() >> shift & 0xff);
  bytes += value;
  return bytes;
}
std::string ready_with(std::string_view properties) { return "\5READY" + std::string(properties); }
std::string ready_of(std::string_view socket_type) { return ready_with(property("Socket-Type", socket_type)); }

std::string fault_of(std::string_view command) {
  const auto read = read_ready(command);
  return read ? "" : read.error().text;
}

TEST(ZmtpReadyTest, SocketsThatARouterTalksToAreTaken) {
  for (const char* type : {"DEALER", "REQ", "ROUTER"}) {
    const auto read = read_ready(ready_of(type));
    ASSERT_TRUE(read) << type;
    EXPECT_EQ(read->routing_id, "");
  }
}

TEST(ZmtpReadyTest, OtherSocketsAreRefused) {
  const std::string text = "it has a socket that is no DEALER, REQ or ROUTER";
  for (const char* type : {"", "REP", "PUB", "SUB", "XPUB", "PUSH", "PULL", "PAIR", "dealer", "DEALERS", "DEALE"}) {
    EXPECT_EQ(fault_of(ready_of(type)), text) << type;
  }
  EXPECT_EQ(fault_of(ready_of("REQ\0"sv)), text);
  EXPECT_EQ(fault_of(ready_with("")), text);
  EXPECT_EQ(fault_of(ready_with(property("Identity", "w1"))), text);
}

TEST(ZmtpReadyTest, NamesOfPropertiesKnowNoCase) {
  for (const char* type : {"Socket-Type", "socket-type", "SOCKET-TYPE", "sOCKET-tYPE"}) {
    for (const char* id : {"Identity", "identity", "IDENTITY"}) {
      const std::string command = ready_with(property(id, "w1") + property(type, "DEALER"));
      const auto read = read_ready(command);
      ASSERT_TRUE(read) << type << ' ' << id;
      EXPECT_EQ(read->routing_id, "w1");
    }
  }
  EXPECT_NE(fault_of(ready_with(property("Socket\rType", "DEALER"))), "") << "- and \\r differ as a and A do";
}

TEST(ZmtpReadyTest, UnknownPropertiesAreIgnored) {
  const std::string command =
      ready_with(property("X-Version", "\0\xff"sv) + property("", "") + property("Socket-Type", "DEALER") +
                 property("Resource", std::string(7000, 'r')) + property("Identity", "w1") + property("Ident", "w2"));
  const auto read = read_ready(command);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->routing_id, "w1");
}

TEST(ZmtpReadyTest, ATruncatedOneIsRefusedWhereverItEnds) {
  const std::string type = property("Socket-Type", "DEALER"), id = property("Identity", "w1");
  const std::string whole = ready_with(type + id);
  for (size_t size = 0; size < whole.size(); ++size) {
    // In memory of its own, so that a sanitizer sees a read beyond it.
    const std::vector<char> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const std::string fault = fault_of({part.data(), part.size()});
    if (size < 6) {
      EXPECT_EQ(fault, "it did not say READY") << size;
    } else if (size != 6 && size != 6 + type.size()) {
      EXPECT_EQ(fault, kMalformed) << size;
    }
  }
}

TEST(ZmtpReadyTest, ASizeThatIsNotThereIsRefused) {
  for (const auto& size : {"\xff\xff\xff\xff"s, "\xff\xff\xff\xfe"s, "\x80\0\0\0"s, "\x7f\xff\xff\xff"s, "\0\0\0\7"s}) {
    EXPECT_EQ(fault_of(ready_with("\13Socket-Type" + size + "DEALER")), kMalformed);
  }
  EXPECT_EQ(fault_of(ready_with("\xffSocket-Type\0\0\0\6DEALER"s)), kMalformed);
}

TEST(ZmtpReadyTest, ARoutingIdHasUpTo255BytesAndNoZeroInFront) {
  const auto with_id = [](std::string_view id) { return ready_of("DEALER") + property("Identity", id); };
  const std::string longest = with_id(std::string(255, 'i'));
  ASSERT_TRUE(read_ready(longest));
  EXPECT_EQ(read_ready(longest)->routing_id, std::string(255, 'i'));
  EXPECT_EQ(fault_of(with_id(std::string(256, 'i'))), "its routing id has more than 255 bytes");
  EXPECT_EQ(fault_of(with_id("\0"sv)), "its routing id begins with a zero byte");
  EXPECT_EQ(fault_of(with_id("\0w1"sv)), "its routing id begins with a zero byte");
  const std::string zero_behind = with_id("w\0"sv);
  ASSERT_TRUE(read_ready(zero_behind));
  EXPECT_EQ(read_ready(zero_behind)->routing_id, "w\0"sv);
}

TEST(ZmtpReadyTest, OtherCommandsAreNoReady) {
  for (const auto& command : {""s, "\0"s, "\5ready"s, "\6READY\0"s, "\5ERROR\0"s, "\4PING\0\0"s, "READY"s}) {
    EXPECT_EQ(fault_of(command), "it did not say READY") << testing::PrintToString(command);
  }
}

TEST(ZmtpPingTest, ItsContextIsTaken) {
  EXPECT_EQ(read_ping("\4PING\0\0"sv), ""sv);
  EXPECT_EQ(read_ping("\4PING\xff\xff\0c"sv), "\0c"sv);
  EXPECT_EQ(read_ping("\4PING\0\1"
                      "0123456789abcdef"sv),
            "0123456789abcdef"sv);
  EXPECT_EQ(read_ping("\4PING\0\1"
                      "0123456789abcdefg"sv),
            "0123456789abcdef"sv)
      << "what is too long is cut";
}

TEST(ZmtpPingTest, WhatIsTooShortOrAnotherIsNone) {
  for (const auto& command : {""s, "\4"s, "\4PIN"s, "\4PING"s, "\4PING\0"s, "\4PONG\0\0"s, "\4ping\0\0"s, "\5PING\0\0"s,
                              "\5READY\0\0"s, "\xffPING\0\0"s}) {
    EXPECT_FALSE(read_ping(command)) << testing::PrintToString(command);
  }
}

TEST(ZmtpCommandTest, OursHaveTheBytesOfTheStandard) {
  EXPECT_EQ(ready(), "\x04\x29\5READY\13Socket-Type\0\0\0\6ROUTER\10Identity\0\0\0\0"s);
  EXPECT_EQ(ping(), "\x04\x07\4PING\0\0"s);
  EXPECT_EQ(pong(""), "\x04\x05\4PONG"s);
  EXPECT_EQ(pong("\0c"sv), "\x04\x07\4PONG\0c"s);
}

TEST(ZmtpCommandTest, AContextThatIsTooLongIsCut) {
  EXPECT_EQ(pong(std::string(17, 'c')), "\x04\x15\4PONG" + std::string(16, 'c'));
}

}  // namespace
}  // namespace eventmq::zmtp
