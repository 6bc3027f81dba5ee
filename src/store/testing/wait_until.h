// Waits for what another thread does.
#pragma once

#include <chrono>
#include <thread>

namespace eventmq {

// False if the condition has not come to hold within a minute.
template <class Condition>
bool wait_until(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace eventmq
