// A job manager for tests: the true WorkerSession, and jobs that are functions called on the spot.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "eventmq/json.h"
#include "src/client/clock.h"
#include "src/codec/codec.h"
#include "src/session/worker_session.h"
#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/transport/wakeup.h"

namespace eventmq::test {

class TestWorker {
 public:
  explicit TestWorker(const std::string& backend) : session_(settings(backend), IdSource::from_small_seed(11)) {
    thread_ = std::thread([this] { run(); });
  }
  ~TestWorker() {
    stop_ = true;
    wakeup_.notify();
    thread_.join();
  }

  // The ids of the jobs that were run, in order.
  std::vector<std::string> ids() const {
    const std::lock_guard lock(mutex_);
    return ids_;
  }
  std::vector<Json> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  static WorkerSessionSettings settings(const std::string& backend) {
    WorkerSessionSettings settings;
    settings.link.addresses = {backend};
    settings.queues = {{10, Bytes("default")}};
    return settings;
  }

  void run() {
    step(WorkerStarted{});
    while (!stop_) {
      poller_.clear();
      poller_.watch(socket_);
      poller_.watch_readable(wakeup_.fd());
      const Instant wake = session_.next_wake();
      poller_.wait(std::max(Duration{}, std::min(wake - clock_.now(), seconds(1))));
      receive();
      if (clock_.now() >= session_.next_wake()) step(SessionTick{});
    }
    socket_.close(Duration{});
  }

  void receive() {
    for (;;) {
      Frames frames;
      const DealerInput input = socket_.receive(frames);
      if (input == DealerInput::kNothing) return;
      if (input == DealerInput::kLost) step(LinkLost{socket_.refused()});
      if (input == DealerInput::kMessage) step(FromBroker{*decode(frames)});
    }
  }

  void step(WorkerEvent event) {
    std::vector<WorkerEffect> effects;
    session_.step(std::move(event), clock_.now(), effects);
    for (WorkerEffect& effect : effects) {
      if (auto* connect = std::get_if<Connect>(&effect)) {
        static_cast<void>(socket_.connect(connect->address, connect->routing_id));
      } else if (auto* sent = std::get_if<ToBroker>(&effect)) {
        socket_.send(encode(sent->message));
      } else if (auto* job = std::get_if<StartJob>(&effect)) {
        start(*job);
      }
    }
  }

  void start(const StartJob& job) {
    const Json call = Json::parse(job.payload.view()).at(1);
    {
      const std::lock_guard lock(mutex_);
      ids_.push_back(job.request_id.str());
      calls_.push_back(call);
    }
    const std::string name = call.at("callable");
    JobFinished finished{job.request_id, job.attempt, Outcome::kOk, {}};
    if (name == "add") {
      finished.payload =
          Bytes(Json{{"value", call.at("args").at(0).get<int>() + call.at("args").at(1).get<int>()}}.dump());
    } else if (name == "echo") {
      finished.payload = Bytes(Json{{"value", call.at("args").at(0)}}.dump());
    } else if (name == "words") {  // as examples/jobs
      finished.payload = Bytes(R"({"value": {"lines": 2, "words": 7}})");
    } else if (name == "always") {
      finished.outcome = Outcome::kError;
      finished.payload =
          Bytes(R"({"value": "no", "error": {"type": "ValueError", "message": "no", "details": {"line": 7}}})");
    } else if (name == "steps") {
      step(JobProgressed{job.request_id, 0.5, Bytes("half")});
      finished.payload = Bytes(R"({"value": true})");
    } else {
      finished.payload = Bytes(R"({"value": null})");
    }
    step(std::move(finished));
  }

  const ClientClock clock_;
  ZmqContext context_;
  DealerSocket socket_{context_, SocketOptions{}};
  Wakeup wakeup_;
  Poller poller_;
  WorkerSession session_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> ids_;
  std::vector<Json> calls_;
  std::thread thread_;
};

}  // namespace eventmq::test
