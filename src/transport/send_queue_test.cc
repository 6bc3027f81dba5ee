#include "src/transport/send_queue.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <string>

#include "src/base/file_descriptor.h"
#include "src/transport/transport_test_support.h"

namespace eventmq {
namespace {

using namespace test;
using namespace std::string_literals;
using Written = SendQueue::Written;

// Memory of the test's own, which tells when nobody holds it any more.
class WatchedBlock : public Block {
 public:
  WatchedBlock(std::string text, bool& released) : Block(&release), text_(std::move(text)), released_(released) {}
  // The only reference to it.
  Bytes bytes() { return Bytes::adopt(this, text_.data(), text_.size()); }
  std::string& text() { return text_; }

 private:
  static void release(Block* block) {
    auto* self = static_cast<WatchedBlock*>(block);
    self->released_ = true;
    delete self;
  }
  std::string text_;
  bool& released_;
};

Frames frames_with(Bytes frame) {
  Frames frames;
  frames.push(std::move(frame));
  return frames;
}

// What a message is on the wire, made in the simplest way.
std::string on_the_wire(const Frames& frames) {
  std::string bytes;
  for (const Bytes& frame : frames) {
    const char more = &frame == frames.end() - 1 ? 0 : 1;
    if (frame.size() <= 255) {
      bytes += {more, static_cast<char>(frame.size())};
    } else {
      bytes += static_cast<char>(more + 2);
      for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(frame.size() >> shift & 0xff);
    }
    bytes += frame.str();
  }
  return bytes;
}

class SendQueueTest : public testing::Test {
 protected:
  void SetUp() override { connect(); }
  // A new connection, that takes about so many bytes; 0: as many as usual.
  void connect(int buffer_bytes = 0) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    writer_ = FileDescriptor(ends[0]);
    reader_ = FileDescriptor(ends[1]);
    if (buffer_bytes > 0) {
      ::setsockopt(writer_.get(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    }
  }
  Written write() { return queue_.write_to(writer_.get()); }
  // What has arrived, up to so many bytes.
  std::string read(size_t most = 1 << 20) const {
    std::string got(most, '\0');
    const ssize_t bytes = ::recv(reader_.get(), got.data(), got.size(), 0);
    got.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
    return got;
  }
  // Writes and reads in turn until all has left and arrived.
  std::string drain(size_t read_bytes = 1 << 20) {
    std::string all;
    for (;;) {
      const Written written = write();
      EXPECT_NE(written, Written::kBroken);
      const std::string got = read(read_bytes);
      all += got;
      if (written == Written::kBroken || (written == Written::kAll && got.empty())) return all;
    }
  }
  void expect_nothing_left() const {
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.messages(), 0u);
    EXPECT_EQ(queue_.bytes(), 0u);
    EXPECT_EQ(queue_.large_bytes(), 0u);
  }

  FileDescriptor writer_, reader_;
  SendQueue queue_;
};

TEST_F(SendQueueTest, AMessageLeavesAsFramesOfZmtp) {
  queue_.push(frames_of({"first", "", std::string(255, 'a'), std::string(256, 'b'), "last"}));
  EXPECT_EQ(write(), Written::kAll);
  EXPECT_EQ(read(), "\1\5first\1\0"s + "\1\xff"s + std::string(255, 'a') + "\3\0\0\0\0\0\0\1\0"s +
                        std::string(256, 'b') + "\0\4last"s);
  expect_nothing_left();
}

TEST_F(SendQueueTest, ALargeFrameIsSharedUntilItHasLeft) {
  bool released = false;
  auto* const block = new WatchedBlock(std::string(10'000, 'x'), released);
  queue_.push(frames_with(block->bytes()));
  block->text().assign(10'000, 'y');  // whoever had copied it would not see this
  EXPECT_FALSE(released);
  EXPECT_EQ(drain(), "\2\0\0\0\0\0\0\x27\x10"s + std::string(10'000, 'y'));
  EXPECT_TRUE(released);
}

TEST_F(SendQueueTest, ALargeFrameIsHeldWhileAPartOfItWaits) {
  connect(1);
  bool released = false;
  queue_.push(frames_with((new WatchedBlock(std::string(1'000'000, 'x'), released))->bytes()));
  ASSERT_EQ(write(), Written::kSome);
  EXPECT_FALSE(released);
  EXPECT_EQ(queue_.large_bytes(), 1'000'000u) << "its memory is in use as a whole";
  EXPECT_LT(queue_.bytes(), 1'000'000u);
  EXPECT_EQ(drain().size(), 1'000'009u);
  EXPECT_TRUE(released);
}

TEST_F(SendQueueTest, ASmallFrameIsCopiedAndKeepsNoMemoryOfOthers) {
  bool released = false;
  queue_.push(frames_with((new WatchedBlock(std::string(4095, 'x'), released))->bytes()));
  EXPECT_TRUE(released);
  EXPECT_EQ(queue_.large_bytes(), 0u);
  EXPECT_EQ(drain(), "\2\0\0\0\0\0\0\x0f\xff"s + std::string(4095, 'x'));
}

TEST_F(SendQueueTest, WhatWaitsIsCounted) {
  expect_nothing_left();
  queue_.push("a command");
  EXPECT_FALSE(queue_.empty());
  EXPECT_EQ(queue_.messages(), 0u) << "it is no message";
  EXPECT_EQ(queue_.bytes(), 9u);
  const Frames message = frames_of({"small", std::string(5000, 'l'), std::string(6000, 'L')});
  EXPECT_EQ(SendQueue::large_bytes_of(message), 11'000u);
  queue_.push(message);
  queue_.push(frames_of({"x"}));
  EXPECT_EQ(queue_.messages(), 2u);
  EXPECT_EQ(queue_.large_bytes(), 11'000u);
  EXPECT_EQ(queue_.bytes(), 9u + on_the_wire(message).size() + 3);
  EXPECT_EQ(write(), Written::kAll);
  expect_nothing_left();
}

TEST_F(SendQueueTest, WhateverTheSystemTakesAtOnceTheBytesAreTheSame) {
  const std::vector<Frames> messages{
      frames_of({"", "small", std::string(300, 's')}),
      frames_of({std::string(70'000, 'l'), "", "behind"}),
      frames_of({"before", std::string(4096, 'm')}),
      frames_of({std::string(4095, 'n')}),
      frames_of({std::string(5000, 'o')}),
      frames_of({std::string(5000, 'p'), std::string(5000, 'q')}),
  };
  std::string expected;
  for (const Frames& message : messages) expected += on_the_wire(message);
  for (const int buffer_bytes : {1, 5000, 9000, 20'000, 50'000}) {
    for (const size_t read_bytes : {13u, 500u, 4096u, 10'000u, 1'000'000u}) {
      connect(buffer_bytes);
      for (const Frames& message : messages) queue_.push(message);
      ASSERT_TRUE(drain(read_bytes) == expected) << buffer_bytes << ", " << read_bytes;
      expect_nothing_left();
    }
  }
}

TEST_F(SendQueueTest, CountsNeverRiseWhileItIsDrained) {
  connect(1);
  for (int i = 0; i < 20; ++i) queue_.push(frames_of({"a", std::string(10'000, 'x'), "b"}));
  size_t messages = queue_.messages(), bytes = queue_.bytes(), large = queue_.large_bytes();
  EXPECT_EQ(messages, 20u);
  EXPECT_EQ(large, 200'000u);
  size_t arrived = 0;
  while (write() == Written::kSome) {
    EXPECT_LE(queue_.messages(), messages);
    EXPECT_LE(queue_.large_bytes(), large);
    EXPECT_LE(queue_.bytes(), bytes);
    messages = queue_.messages(), bytes = queue_.bytes(), large = queue_.large_bytes();
    arrived += read().size();
    // What has arrived whole is counted no longer.
    const size_t message_bytes = 3 + 9 + 10'000 + 3;
    EXPECT_LE(messages, 20 - arrived / message_bytes + 1);
  }
  expect_nothing_left();
}

TEST_F(SendQueueTest, MorePiecesThanTheSystemTakesAtOnceKeepTheirOrder) {
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const Frames message = frames_of({std::to_string(i), std::string(4096 + static_cast<size_t>(i), 'x')});
    queue_.push(message);
    expected += on_the_wire(message);
  }
  EXPECT_EQ(queue_.messages(), 1000u);
  EXPECT_TRUE(drain() == expected);
  expect_nothing_left();
}

TEST_F(SendQueueTest, ThousandsOfMessagesWaitForAReaderInTheirOrder) {
  connect(1);
  std::string expected;
  const auto push = [&](int number) {
    const Frames message = frames_of({"number", std::to_string(number), std::string(number % 50 == 0 ? 5000 : 7, 'x')});
    queue_.push(message);
    expected += on_the_wire(message);
  };
  for (int i = 0; i < 10'000; ++i) {
    push(i);
    if (i % 100 == 0) write();
  }
  EXPECT_GT(queue_.messages(), 9000u);
  std::string arrived;
  for (int i = 10'000; i < 20'000; ++i) {  // others come while it is drained
    push(i);
    arrived += read(500);
    write();
  }
  arrived += drain();
  EXPECT_TRUE(arrived == expected);
  expect_nothing_left();
}

TEST_F(SendQueueTest, AClosedReaderIsABrokenConnectionAndNoSignal) {
  reader_.close();
  queue_.push(frames_of({"x"}));
  EXPECT_EQ(write(), Written::kBroken);
}

TEST_F(SendQueueTest, AReaderThatClosesInTheMidstIsABrokenConnection) {
  connect(1);
  queue_.push(frames_of({std::string(1'000'000, 'x')}));
  EXPECT_EQ(write(), Written::kSome);
  reader_.close();
  EXPECT_EQ(write(), Written::kBroken);
}

TEST_F(SendQueueTest, NothingToSendIsSent) { EXPECT_EQ(write(), Written::kAll); }

}  // namespace
}  // namespace eventmq
