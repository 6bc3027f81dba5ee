// A router on a thread of its own, and peers that talk to it in messages. For tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/codec/codec.h"
#include "src/runtime/router_loop.h"
#include "src/store/memory_store.h"
#include "src/transport/transport_test_support.h"

namespace eventmq::test {

// A store that commits when the test says so.
class LateStore : public Store {
 public:
  void call_on_change(std::function<void()>) override {}
  Result<StoredState> recover(Instant) override { return StoredState(); }
  void submit(CommitNumber commit, std::vector<JobRecord>) override {
    const std::lock_guard lock(mutex_);
    submitted_ = commit;
    if (at_once_) committed_ = commit;
    changed_.notify_all();
  }
  void claim(BacklogClaim) override {}
  std::vector<BacklogClaimed> take_claimed() override { return {}; }
  void ask(StoreQuestion) override {}
  std::vector<StoreAnswer> take_answers() override { return {}; }
  CommitNumber committed() const override {
    const std::lock_guard lock(mutex_);
    return committed_;
  }
  StoreHealth health() const override {
    const std::lock_guard lock(mutex_);
    return health_;
  }
  void set_retention(Retention) override {}
  bool durable() const override { return true; }
  std::string_view name() const override { return "late"; }

  void commit_everything() {
    const std::lock_guard lock(mutex_);
    committed_ = submitted_;
  }
  // From now on everything is durable at once.
  void catch_up() {
    const std::lock_guard lock(mutex_);
    at_once_ = true;
    committed_ = submitted_;
  }
  void become(StoreHealth health) {
    const std::lock_guard lock(mutex_);
    health_ = std::move(health);
  }
  bool wait_for_submitted(CommitNumber commit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGenerous, [&] { return submitted_ >= commit; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  CommitNumber submitted_ = 0;
  CommitNumber committed_ = 0;
  bool at_once_ = false;
  StoreHealth health_;
};

class CollectedLog {
 public:
  LogSink sink() {
    return [this](LogLevel, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(text);
      changed_.notify_all();
    };
  }
  bool wait_for(std::string_view part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGenerous, [&] { return has(part); });
  }
  bool contains(std::string_view part) {
    const std::lock_guard lock(mutex_);
    return has(part);
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return lines_.size();
  }

 private:
  bool has(std::string_view part) const {
    for (const std::string& line : lines_) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

inline RouterSettings loopback_settings() {
  RouterSettings settings;
  settings.frontend_address = settings.backend_address = settings.administrative_address = "tcp://127.0.0.1:*";
  settings.sockets.linger = seconds(5);
  settings.live.broker.heartbeats_enabled = false;  // nothing happens by itself
  return settings;
}

class RunningRouter {
 public:
  explicit RunningRouter(RouterSettings settings = loopback_settings(), std::unique_ptr<Store> store = nullptr,
                         SignalCatcher* signals = nullptr,
                         std::function<Result<std::optional<LiveRouterSettings>>()> reload = nullptr)
      : loop_(std::move(settings), parts(std::move(store), signals, std::move(reload))) {
    const Result<void> opened = loop_.open();
    EXPECT_TRUE(opened) << opened.error().text;
    thread_ = std::thread([this] {
      loop_.run();
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    });
  }
  ~RunningRouter() {
    loop_.stop();
    thread_.join();
  }

  RouterLoop& loop() { return loop_; }
  CollectedLog& log() { return log_; }
  ZmqContext& context() { return context_; }
  bool wait_for_end() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGenerous, [&] { return ended_; });
  }

 private:
  RouterParts parts(std::unique_ptr<Store> store, SignalCatcher* signals,
                    std::function<Result<std::optional<LiveRouterSettings>>()> reload) {
    RouterParts parts;
    parts.store = store ? std::move(store) : std::make_unique<MemoryStore>();
    parts.log = log_.sink();
    parts.signals = signals;
    parts.reload = std::move(reload);
    return parts;
  }

  ZmqContext context_;
  CollectedLog log_;
  RouterLoop loop_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

// One end of a conversation with a router.
class TestPeer {
 public:
  TestPeer(RunningRouter& router, const std::string& endpoint, const std::string& routing_id)
      : socket_(router.context(), small_options()), name_(routing_id) {
    const Result<void> connected = socket_.connect(endpoint, routing_id);
    EXPECT_TRUE(connected) << connected.error().text;
  }

  // Gives the id of the message.
  std::string send(Body body, std::string id = {}) {
    if (id.empty()) id = name_ + "-" + std::to_string(++sent_);
    EXPECT_TRUE(socket_.send(encode(Message{Bytes(id), std::move(body)})));
    return id;
  }
  void send_frames(std::initializer_list<std::string_view> texts) { EXPECT_TRUE(socket_.send(frames_of(texts))); }

  // The next message; its body is an ErrorMessage "nothing came" if there is none.
  Message receive() {
    for (;;) {
      Frames frames;
      const DealerInput input = wait_input(socket_, frames);
      if (input == DealerInput::kConnected) continue;
      if (input == DealerInput::kMessage) {
        if (auto message = decode(frames)) return *message;
      }
      ADD_FAILURE() << name_ << ": nothing came";
      return Message{Bytes(), ErrorMessage{{ErrorCode::kTimedOut, "nothing came"}, Bytes()}};
    }
  }
  template <class T>
  T expect() {
    Message message = receive();
    last_id_ = message.id.str();
    if (T* body = std::get_if<T>(&message.body)) return *body;
    ADD_FAILURE() << name_ << " was sent a " << command_word(message.body);
    return {};
  }
  void expect_ack_of(const std::string& id) { EXPECT_EQ(expect<Ack>().acknowledged, id); }
  bool receives_nothing_now() {
    Frames frames;
    DealerInput input = socket_.receive(frames);
    if (input == DealerInput::kConnected) input = socket_.receive(frames);
    return input == DealerInput::kNothing;
  }
  // The id of the message that expect() gave last.
  const std::string& last_id() const { return last_id_; }
  DealerSocket& socket() { return socket_; }

 private:
  DealerSocket socket_;
  std::string name_;
  std::string last_id_;
  int sent_ = 0;
};

inline Request request(std::string_view headers = "", std::string_view payload = "[]",
                       std::string_view queue = "default") {
  Request request;
  request.queue = Bytes(queue);
  request.headers = *parse_headers(Bytes(headers));
  request.payload = Bytes(payload);
  return request;
}

inline Inform worker_inform(std::string_view capabilities = "settle,errors") {
  Inform inform;
  inform.kind = PeerKind::kWorker;
  inform.queues.push_back({10, Bytes("default")});
  inform.has_capabilities = !capabilities.empty();
  inform.capabilities = parse_capabilities(Bytes(capabilities));
  return inform;
}

inline Reply settled(const std::string& request_id, uint32_t attempt, std::string_view payload = "{\"value\": 5}") {
  Reply reply;
  reply.payload = Bytes(payload);
  reply.request_id = Bytes(request_id);
  reply.attempt = attempt;
  reply.has_outcome = true;
  reply.outcome = Outcome::kOk;
  return reply;
}

}  // namespace eventmq::test
