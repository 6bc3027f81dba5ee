// A doubly linked list whose links live in its elements: no allocation, removal in constant time by the
// element itself. The list owns nothing; an element must leave it before it is destroyed.
#pragma once

#include <cstddef>

#include "src/base/assert.h"

namespace eventmq {

template <class T>
struct ListLink {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

template <class T, ListLink<T> T::*kLink>
class IntrusiveList {
 public:
  IntrusiveList() = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_ == nullptr; }
  size_t size() const { return size_; }
  T* front() const { return head_; }
  T* back() const { return tail_; }
  static T* next(const T& element) { return (element.*kLink).next; }

  void push_back(T& element) {
    ListLink<T>& link = element.*kLink;
    EMQ_ASSERT(!link.linked);
    link = {tail_, nullptr, true};
    (tail_ ? (tail_->*kLink).next : head_) = &element;
    tail_ = &element;
    ++size_;
  }

  void remove(T& element) {
    ListLink<T>& link = element.*kLink;
    EMQ_ASSERT(link.linked);
    (link.previous ? (link.previous->*kLink).next : head_) = link.next;
    (link.next ? (link.next->*kLink).previous : tail_) = link.previous;
    link = {};
    --size_;
  }

  void move_to_back(T& element) {
    if (tail_ == &element) return;
    remove(element);
    push_back(element);
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace eventmq
