// Bytes: an immutable run of bytes that many owners share. Copying one copies a pointer and counts a
// reference, so a payload passes from socket to core to socket without being copied.
//
// A Bytes is a slice (pointer and size) of a Block. One Block can hold all small frames of a message, so
// that receiving a message costs one allocation. Thread-safe as std::shared_ptr is: different Bytes that
// share a Block may be used and destroyed on different threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace eventmq {

// The shared owner of some memory. Derive to own memory of another library; release() destroys the block.
class Block {
 public:
  // `size` is the memory that the block keeps alive, where that may be more than the one slice made of it.
  explicit Block(void (*release)(Block*), size_t size = 0) : release_(release), size_(size) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void add_reference() { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) release_(this);
  }
  size_t size() const { return size_; }
  // Identifies the kind of block, so that a transport can recognise its own.
  bool is_released_by(void (*release)(Block*)) const { return release_ == release; }

 protected:
  ~Block() = default;

 private:
  std::atomic<uint32_t> references_{1};
  void (*release_)(Block*);
  size_t size_;
};

class Bytes {
 public:
  Bytes() = default;
  // Copies the text into a block of its own. Empty text allocates nothing.
  explicit Bytes(std::string_view text);
  // Text that lives for the whole program, as a literal: nothing is copied, nothing is counted.
  static Bytes literal(std::string_view text) { return Bytes(nullptr, text.data(), text.size()); }
  // Takes over one reference to `block`, which owns the memory at data.
  static Bytes adopt(Block* block, const char* data, size_t size) { return Bytes(block, data, size); }

  Bytes(const Bytes& other) : block_(other.block_), data_(other.data_), size_(other.size_) {
    if (block_) block_->add_reference();
  }
  Bytes(Bytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Bytes() {
    if (block_) block_->drop_reference();
  }

  std::string_view view() const { return {data_, size_}; }
  std::string str() const { return std::string(view()); }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Block* block() const { return block_; }
  // The memory that stays in use for as long as this does: its block, not only its slice.
  size_t held_size() const { return !block_ ? 0 : block_->size() > size_ ? block_->size() : size_; }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view() == b.view(); }
  friend bool operator==(const Bytes& a, std::string_view b) { return a.view() == b; }

 private:
  Bytes(Block* block, const char* data, size_t size) : block_(block), data_(data), size_(size) {}

  Block* block_ = nullptr;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// Copies several texts into one shared block: one allocation for all of them.
class BytesPacker {
 public:
  explicit BytesPacker(size_t total_size);
  ~BytesPacker();
  BytesPacker(const BytesPacker&) = delete;
  BytesPacker& operator=(const BytesPacker&) = delete;

  // The total of all added sizes must not pass the total given.
  Bytes add(std::string_view text);

 private:
  Block* block_;
  char* next_;
  size_t left_;
};

}  // namespace eventmq

template <>
struct std::hash<eventmq::Bytes> {
  size_t operator()(const eventmq::Bytes& bytes) const { return std::hash<std::string_view>()(bytes.view()); }
};
