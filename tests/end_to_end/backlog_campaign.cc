#include "tests/end_to_end/backlog_campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "tests/end_to_end/system.h"

namespace eventmq::end_to_end {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kWindow = 2000;  // requests without an ACK, and jobs at the worker
constexpr std::chrono::minutes kGiveUp{2};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Bytes id_of(uint64_t number) { return Bytes(fmt::format("00000000-0000-4000-8000-{:012}", number)); }
uint64_t number_of(const Bytes& id) { return std::stoull(id.str().substr(24)); }

Frames message(std::string_view command, std::initializer_list<Bytes> rest) {
  Frames frames;
  frames.push(Bytes());
  frames.push(Bytes::literal("eMQP/1.0"));
  frames.push(Bytes(command));
  for (const Bytes& frame : rest) frames.push(frame);
  return frames;
}

// One end of a conversation, in frames.
class Peer {
 public:
  Peer(const std::string& address, const std::string& name) : socket_(context_, SocketOptions{}) {
    const Result<void> connected = socket_.connect(address, name);
    if (!connected) fault_ = connected.error().text;
    poller_.watch(socket_);
  }
  void send(const Frames& frames) { socket_.send(frames); }
  // The next message of this command, or nothing with a fault.
  bool receive(std::string_view command, Frames& frames) {
    const auto give_up = Clock::now() + kGiveUp;
    while (fault_.empty()) {
      frames = Frames();
      const DealerInput input = socket_.receive(frames);
      if (input == DealerInput::kNothing) {
        poller_.wait(milliseconds(100));
        if (Clock::now() > give_up) fault_ = fmt::format("no {} came", command);
      } else if (input == DealerInput::kLost) {
        fault_ = socket_.lost_reason();
      } else if (input == DealerInput::kMessage && frames.size() > 3) {
        if (frames[2] == command) return true;
        if (frames[2] == "ERROR") fault_ = frames.size() > 4 ? frames[4].str() : "an ERROR";
      }
    }
    return false;
  }
  const std::string& fault() const { return fault_; }

 private:
  ZmqContext context_;
  DealerSocket socket_;
  Poller poller_;
  std::string fault_;
};

class BacklogSystem : public SystemTest {
 public:
  explicit BacklogSystem(const BacklogOptions& options)
      : SystemTest({{"HEARTBEAT_TIMEOUT", "600"}}), options_(options) {}
  void TestBody() override {}

  BacklogReport run() {
    fill();
    if (report_.fault.empty()) start_again();
    if (report_.fault.empty()) take();
    return std::move(report_);
  }

 private:
  Bytes payload() const {
    std::string text = R"(["run", {"path": "bench", "callable": "nothing", "args": [""], "kwargs": {}}])";
    if (text.size() < options_.payload_bytes) {
      text.insert(text.find("\"\"]") + 1, options_.payload_bytes - text.size(), 'x');
    }
    return Bytes(text);
  }

  void fill() {
    Peer client(router_.frontend(), "client");
    const Bytes job = payload();
    const auto start = Clock::now();
    for (uint64_t sent = 0; report_.acked < options_.jobs;) {
      for (; sent < options_.jobs && sent - report_.acked < kWindow; ++sent) {
        client.send(message("REQUEST", {id_of(sent), Bytes::literal("default"), Bytes::literal("guarantee"), job}));
      }
      Frames ack;
      if (!client.receive("ACK", ack)) return void(report_.fault = client.fault());
      ++report_.acked;
    }
    report_.fill_seconds = seconds_since(start);
    report_.bytes_full = resident_bytes(router_.process().pid());
  }

  void start_again() {
    router_.kill();
    const auto start = Clock::now();
    router_.start();
    report_.found = router_.totals().at("waiting");
    report_.start_seconds = seconds_since(start);
    report_.bytes_started = report_.bytes_most = resident_bytes(router_.process().pid());
    for (const char* name : {"/eventmq.db", "/eventmq.db-wal"}) {
      report_.file_bytes += std::filesystem::file_size(router_.data_dir() + name);
    }
  }

  void take() {
    Peer worker(router_.backend(), "worker");
    worker.send(message("INFORM", {id_of(0), Bytes::literal("[[10, \"default\"]]"), Bytes::literal("worker"),
                                   Bytes::literal("settle")}));
    for (uint64_t slot = 0; slot < kWindow; ++slot) worker.send(message("READY", {id_of(slot)}));
    const auto start = Clock::now();
    for (; report_.taken < options_.taken; ++report_.taken) {
      Frames request;
      if (!worker.receive("REQUEST", request)) return void(report_.fault = worker.fault());
      if (number_of(request[3]) != report_.taken) ++report_.out_of_order;
      worker.send(message("REPLY", {id_of(report_.taken), Bytes::literal("{\"value\": null}"), request[3],
                                    Bytes::literal("1"), Bytes::literal("ok")}));
      if (report_.taken % 10'000 == 0) {
        report_.bytes_most = std::max(report_.bytes_most, resident_bytes(router_.process().pid()));
      }
    }
    report_.take_seconds = seconds_since(start);
  }

  const BacklogOptions options_;
  BacklogReport report_;
};

}  // namespace

std::string BacklogReport::text() const {
  constexpr double kMiB = 1024 * 1024;
  const auto mib = [](auto bytes) { return static_cast<double>(bytes) / kMiB; };
  std::string text = fmt::format(
      "{} jobs ACKed in {:.1f} s ({:.0f}/s), router at {:.0f} MiB, file {:.0f} MiB\n"
      "killed; the next router answered after {:.2f} s, with {} waiting, at {:.0f} MiB\n"
      "{} taken in {:.1f} s ({:.0f}/s), {} out of order, router at most at {:.0f} MiB",
      acked, fill_seconds, static_cast<double>(acked) / fill_seconds, mib(bytes_full), mib(file_bytes), start_seconds,
      found, mib(bytes_started), taken, take_seconds, static_cast<double>(taken) / take_seconds, out_of_order,
      mib(bytes_most));
  if (!fault.empty()) text += "\nstopped: " + fault;
  return text;
}

BacklogReport run_backlog_campaign(const BacklogOptions& options) { return BacklogSystem(options).run(); }

}  // namespace eventmq::end_to_end
