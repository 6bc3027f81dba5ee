// The two ends of the benchmark: a client that keeps a window of requests in flight, and a worker that answers each at
// once. They speak in frames, so that what is measured is not their library. Included by bench.cc.
#pragma once

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "src/runtime/bench.h"
#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/transport/wakeup.h"
#include "src/wire/limits.h"

namespace eventmq {

using SteadyClock = std::chrono::steady_clock;

inline constexpr std::chrono::minutes kGiveUp{1};

inline Duration since(SteadyClock::time_point start) {
  return microseconds(std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start).count());
}

inline Duration cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto total = [](const timeval& time) { return seconds(time.tv_sec) + microseconds(time.tv_usec); };
  return total(usage.ru_utime) + total(usage.ru_stime);
}

// Ids of a UUID's length whose last digits count, so that a reply is matched without a table.
inline constexpr size_t kIdBytes = 36;
inline Bytes id_of(std::string_view kind, uint64_t number) {
  return Bytes(fmt::format("{:0<8}-0000-4000-8000-{:012}", kind, number));
}
inline uint64_t number_of(std::string_view id) {
  uint64_t number = 0;
  for (char c : id.substr(kIdBytes - 12)) number = number * 10 + static_cast<uint64_t>(c - '0');
  return number;
}

inline Frames message(std::string_view command, std::initializer_list<Bytes> rest) {
  Frames frames;
  frames.push(Bytes());
  frames.push(Bytes::literal("eMQP/1.0"));
  frames.push(Bytes(command));
  for (const Bytes& frame : rest) frames.push(frame);
  return frames;
}

inline bool is(const Frames& frames, std::string_view command) { return frames.size() > 3 && frames[2] == command; }

// Answers every REQUEST at once, as a worker that settles.
class BenchWorker {
 public:
  explicit BenchWorker(ZmqContext& context) : socket_(context, SocketOptions{}) {}

  Result<void> start(const std::string& endpoint, size_t slots, bool inform) {
    if (Result<void> connected = socket_.connect(endpoint, "worker"); !connected) return connected;
    if (inform) {
      socket_.send(message("INFORM", {id_of("inform", 0), Bytes::literal("[[10, \"default\"]]"),
                                      Bytes::literal("worker"), Bytes::literal("settle")}));
      for (size_t i = 0; i < slots; ++i) socket_.send(message("READY", {id_of("ready", i)}));
    }
    thread_ = std::thread([this] { run(); });
    return {};
  }
  ~BenchWorker() {
    stop_ = true;
    wakeup_.notify();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    Poller poller;
    poller.watch(socket_);
    poller.watch_readable(wakeup_.fd());
    for (uint64_t replies = 0; !stop_;) {
      Frames frames;
      const DealerInput input = socket_.receive(frames);
      if (input == DealerInput::kMessage) {
        if (is(frames, "REQUEST") && frames.size() >= 7) answer(frames, replies++);
      } else if (input != DealerInput::kConnected) {
        poller.wait(milliseconds(100));
      }
    }
  }
  void answer(const Frames& request, uint64_t number) {
    const Bytes attempt = request.size() > 7 ? request[7] : Bytes::literal("1");
    socket_.send(message("REPLY", {id_of("reply", number), Bytes::literal("{\"value\": null}"), request[3], attempt,
                                   Bytes::literal("ok")}));
  }

  DealerSocket socket_;
  Wakeup wakeup_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Keeps a window of requests in flight and counts the replies.
class BenchClient {
 public:
  BenchClient(ZmqContext& context, const BenchOptions& options, size_t window, std::string_view headers)
      : socket_(context, SocketOptions{}),
        options_(options),
        window_(window),
        headers_(headers),
        payload_(job(options.payload_bytes)) {}

  Result<BenchRow> run(const std::string& endpoint) {
    if (Result<void> connected = socket_.connect(endpoint, "client"); !connected) {
      return tl::unexpected<Error>(connected.error());
    }
    poller_.watch(socket_);
    if (Result<void> reached = reach_worker(); !reached) return tl::unexpected<Error>(reached.error());
    return exchange_until(SteadyClock::now() + std::chrono::microseconds(options_.warm_up.us)).and_then([&] {
      return measure();
    });
  }

 private:
  static Bytes job(size_t size) {
    std::string text = R"(["run", {"path": "bench", "callable": "nothing", "args": [""], "kwargs": {}}])";
    if (text.size() < size) text.insert(text.find("\"\"]") + 1, size - text.size(), 'x');
    return Bytes(text);
  }

  void request(std::string_view kind, uint64_t number) {
    socket_.send(message("REQUEST", {id_of(kind, number), Bytes::literal("default"), headers_, payload_}));
  }

  Result<void> check_stopped() const {
    if (options_.stopped && options_.stopped()) return fail(ErrorCode::kSystem, "the measurement was stopped");
    return {};
  }

  // Until both ends are connected, what is sent may be dropped.
  Result<void> reach_worker() {
    const auto give_up = SteadyClock::now() + kGiveUp;
    for (uint64_t probe = 0; SteadyClock::now() < give_up; ++probe) {
      if (Result<void> goes_on = check_stopped(); !goes_on) return goes_on;
      request("probe", probe);
      poller_.wait(milliseconds(50));
      for (;;) {
        Frames frames;
        const DealerInput input = socket_.receive(frames);
        if (input == DealerInput::kLost) return fail(ErrorCode::kUnreachable, socket_.lost_reason());
        if (input == DealerInput::kNothing) break;
        if (is(frames, "REPLY")) return {};
      }
    }
    return fail(ErrorCode::kTimedOut, "no reply came within a minute");
  }

  Result<BenchRow> measure() {
    latencies_.clear();
    ack_latencies_.clear();
    const Duration cpu_before = cpu_time();
    const auto start = SteadyClock::now();
    Result<void> exchanged = exchange_until(start + std::chrono::microseconds(options_.measured.us));
    if (!exchanged) return tl::unexpected<Error>(exchanged.error());
    const Duration passed = since(start);
    const Duration cpu = cpu_time() - cpu_before;
    if (latencies_.empty()) return fail(ErrorCode::kTimedOut, "no reply came within the measured time");
    BenchRow row;
    row.window = window_;
    row.round_trips = latencies_.size();
    row.per_second = static_cast<double>(row.round_trips) / passed.seconds();
    row.cpu_us_per_trip = static_cast<double>(cpu.us) / static_cast<double>(row.round_trips);
    row.latency_p50 = percentile(latencies_, 50);
    row.latency_p99 = percentile(latencies_, 99);
    row.ack_p50 = percentile(ack_latencies_, 50);
    row.ack_p99 = percentile(ack_latencies_, 99);
    return row;
  }

  Result<void> exchange_until(SteadyClock::time_point end) {
    auto last_reply = SteadyClock::now();
    for (auto now = last_reply; now < end; now = SteadyClock::now()) {
      if (Result<void> goes_on = check_stopped(); !goes_on) return goes_on;
      while (sent_ - finished_ < window_) {
        started_[sent_ % started_.size()] = SteadyClock::now();
        request("job", sent_++);
      }
      const uint64_t before = finished_;
      if (Result<void> received = receive_all(); !received) return received;
      if (finished_ != before) {
        last_reply = now;
      } else if (now - last_reply > kGiveUp) {
        return fail(ErrorCode::kTimedOut, "no reply came within a minute");
      } else {
        poller_.wait(milliseconds(100));
      }
    }
    return {};
  }

  Result<void> receive_all() {
    for (;;) {
      Frames frames;
      const DealerInput input = socket_.receive(frames);
      if (input == DealerInput::kLost) return fail(ErrorCode::kUnreachable, socket_.lost_reason());
      if (input == DealerInput::kNothing) return {};
      if (is(frames, "ERROR") && frames.size() > 4)
        return fail(ErrorCode::kJobFailed, fmt::format("the router answered {}", frames[4].view()));
      if (is(frames, "ACK") && frames.size() > 4 && frames[4].view().starts_with("job")) {
        ack_latencies_.push_back(since(started_[number_of(frames[4].view()) % started_.size()]));
      }
      if (!is(frames, "REPLY") || frames.size() < 6 || !frames[5].view().starts_with("job")) continue;
      latencies_.push_back(since(started_[number_of(frames[5].view()) % started_.size()]));
      ++finished_;
    }
  }

  // Zero if there are none.
  static Duration percentile(std::vector<Duration>& latencies, size_t percent) {
    if (latencies.empty()) return {};
    const auto at = latencies.begin() + static_cast<std::ptrdiff_t>((latencies.size() - 1) * percent / 100);
    std::nth_element(latencies.begin(), at, latencies.end());
    return *at;
  }

  DealerSocket socket_;
  Poller poller_;
  const BenchOptions& options_;
  size_t window_;
  Bytes headers_;
  Bytes payload_;
  uint64_t sent_ = 0;
  uint64_t finished_ = 0;
  std::array<SteadyClock::time_point, 65536> started_;  // by the last digits of the id
  std::vector<Duration> latencies_;                     // until the REPLY
  std::vector<Duration> ack_latencies_;                 // until the ACK, which a forwarder does not send
};

static_assert(limits::kCreditsPerWorker < 65536);

}  // namespace eventmq
