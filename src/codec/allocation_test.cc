// The hot path allocates nothing: a job crosses the codec twice on its way in and twice on its way out.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "src/codec/codec.h"
#include "testing/frames_text.h"

namespace {

thread_local size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace eventmq {
namespace {

// How many allocations decoding and encoding these frames made.
size_t allocations_of(std::initializer_list<std::string_view> texts) {
  const Frames frames = testing::make_message_frames(texts);
  const size_t before = allocations;
  bool same_size = false;
  {
    const auto message = decode(frames);
    same_size = message && encode(*message).size() == frames.size();
  }
  const size_t made = allocations - before;
  EXPECT_TRUE(same_size);
  return made;
}

constexpr std::string_view kId = "8e590ffa-d414-49fd-840c-f81685945570";

TEST(AllocationTest, CounterCounts) {
  const size_t before = allocations;
  const Bytes bytes("text");
  EXPECT_EQ(allocations - before, 1u);
}

TEST(AllocationTest, RequestAllocatesNothing) {
  EXPECT_EQ(allocations_of({"REQUEST", kId, "default", "", "[\"run\", {}]"}), 0u);
  EXPECT_EQ(allocations_of({"REQUEST", kId, "default", "reply-requested,guarantee,timeout:1.5,unique:k,x:y",
                            "[\"run\", {}]", "1"}),
            0u);
}

TEST(AllocationTest, ReplyAllocatesNothing) {
  EXPECT_EQ(allocations_of({"REPLY", kId, "{\"value\": 5}", kId}), 0u);
  EXPECT_EQ(allocations_of({"REPLY", kId, "{\"value\": 5}", kId, "ok"}), 0u);
  EXPECT_EQ(allocations_of({"REPLY", kId, "{\"value\": 5}", kId, "1", "ok"}), 0u);
}

TEST(AllocationTest, ReadyAckAndHeartbeatAllocateNothing) {
  EXPECT_EQ(allocations_of({"READY", kId}), 0u);
  EXPECT_EQ(allocations_of({"ACK", kId, kId}), 0u);
  EXPECT_EQ(allocations_of({"HEARTBEAT", kId, "1795354913.9814441"}), 0u);
}

}  // namespace
}  // namespace eventmq
