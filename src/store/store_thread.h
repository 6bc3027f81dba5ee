// Threads of a store.
#pragma once

#include <functional>
#include <thread>

namespace eventmq {

// One that takes no signals: they are for the program's own.
std::thread store_thread(std::function<void()> run);

}  // namespace eventmq
