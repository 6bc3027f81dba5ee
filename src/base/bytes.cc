#include "src/base/bytes.h"

#include <cstring>
#include <new>

#include "src/base/assert.h"

namespace eventmq {
namespace {

// A block whose bytes follow it in the same allocation.
struct InlineBlock : Block {
  explicit InlineBlock(size_t size) : Block(&destroy, size) {}
  static void destroy(Block* block) {
    auto* self = static_cast<InlineBlock*>(block);
    self->~InlineBlock();
    ::operator delete(self);
  }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

InlineBlock* new_inline_block(size_t size) {
  return new (::operator new(sizeof(InlineBlock) + size)) InlineBlock(size);
}

}  // namespace

Bytes::Bytes(std::string_view text) {
  if (text.empty()) return;
  InlineBlock* block = new_inline_block(text.size());
  std::memcpy(block->bytes(), text.data(), text.size());
  block_ = block;
  data_ = block->bytes();
  size_ = text.size();
}

BytesPacker::BytesPacker(size_t total_size) : left_(total_size) {
  InlineBlock* block = new_inline_block(total_size);
  block_ = block;
  next_ = block->bytes();
}

BytesPacker::~BytesPacker() { block_->drop_reference(); }

Bytes BytesPacker::add(std::string_view text) {
  EMQ_ASSERT(text.size() <= left_, "{} bytes into {}", text.size(), left_);
  if (text.empty()) return Bytes();
  std::memcpy(next_, text.data(), text.size());
  block_->add_reference();
  Bytes slice = Bytes::adopt(block_, next_, text.size());
  next_ += text.size();
  left_ -= text.size();
  return slice;
}

}  // namespace eventmq
