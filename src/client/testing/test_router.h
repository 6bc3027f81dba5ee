// A router for tests, in a thread of its own, on ports that the system chooses.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "src/runtime/router_loop.h"
#include "src/store/memory_store.h"

namespace eventmq::test {

class TestRouter {
 public:
  explicit TestRouter(BrokerSettings broker = {}) {
    RouterSettings settings;
    settings.frontend_address = settings.backend_address = settings.administrative_address = "tcp://127.0.0.1:*";
    settings.live.broker = std::move(broker);
    RouterParts parts;
    parts.store = std::make_unique<MemoryStore>();
    parts.log = [](LogLevel, std::string_view) {};
    loop_ = std::make_unique<RouterLoop>(settings, std::move(parts));
    const Result<void> opened = loop_->open();
    EMQ_ASSERT(opened.has_value(), "{}", opened ? "" : opened.error().text);
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~TestRouter() {
    loop_->stop();
    thread_.join();
  }
  const RouterEndpoints& endpoints() const { return loop_->endpoints(); }

 private:
  std::unique_ptr<RouterLoop> loop_;
  std::thread thread_;
};

}  // namespace eventmq::test
