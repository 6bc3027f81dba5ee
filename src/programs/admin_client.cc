#include "src/programs/admin_client.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <random>

#include "src/base/id_source.h"
#include "src/codec/codec.h"
#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/wire/messages.h"

namespace eventmq {
namespace {

using Clock = std::chrono::steady_clock;

IdSource random_ids() {
  std::random_device device;
  const auto number = [&device] { return (static_cast<uint64_t>(device()) << 32) | device() | 1; };
  return IdSource({number(), number(), number(), number()});
}

SocketOptions options_for(Duration timeout) {
  SocketOptions options;
  options.handshake_timeout = timeout;
  options.linger = milliseconds(200);
  return options;
}

// What an arrived message is to the question that was asked.
enum class Bearing { kNone, kAnswer, kRefusal, kNonsense };

// DISCONNECT is answered by ACK, any other question by REPLY. A published question's REPLY does not name it, and only
// one is asked at a time.
Bearing bearing_of(const Message& message, const Message& question) {
  const auto is_it = [&question](const Bytes& id) { return id.empty() || id == question.id; };
  const bool ack_is_due = std::holds_alternative<Disconnect>(question.body);
  if (const auto* error = std::get_if<ErrorMessage>(&message.body)) {
    return is_it(error->offending_id) ? Bearing::kRefusal : Bearing::kNone;
  }
  if (const auto* reply = std::get_if<Reply>(&message.body)) {
    if (!is_it(reply->request_id)) return Bearing::kNone;
    return ack_is_due ? Bearing::kNonsense : Bearing::kAnswer;
  }
  if (const auto* ack = std::get_if<Ack>(&message.body)) {
    if (!(ack->acknowledged == question.id)) return Bearing::kNone;
    return ack_is_due ? Bearing::kAnswer : Bearing::kNonsense;
  }
  return std::holds_alternative<Heartbeat>(message.body) ? Bearing::kNone : Bearing::kNonsense;
}

std::string answer_text(const Message& message) {
  const auto* reply = std::get_if<Reply>(&message.body);
  return reply == nullptr ? std::string() : reply->payload.str();
}

}  // namespace

struct AdminClient::State {
  State(std::string given_address, Duration given_timeout)
      : address(std::move(given_address)),
        timeout(given_timeout),
        ids(random_ids()),
        socket(context, options_for(given_timeout)) {}

  Result<std::string> ask(Body body) {
    if (!socket.is_open()) {
      if (auto connected = socket.connect(address, ids.next().str()); !connected)
        return tl::unexpected(connected.error());
      link_is_up = false;
    }
    const Message question{Bytes("admin:" + ids.next().str()), std::move(body)};
    if (!socket.send(encode(question))) return lost("the connection takes no message");
    return wait_for_answer(question);
  }

  Result<std::string> wait_for_answer(const Message& question) {
    const auto deadline = Clock::now() + std::chrono::microseconds(timeout.us);
    Poller poller;
    for (;;) {
      Frames frames;
      const DealerInput input = socket.receive(frames);
      if (input == DealerInput::kMessage) {
        if (auto answer = take(frames, question)) return *std::move(answer);
        continue;
      }
      if (input == DealerInput::kConnected) link_is_up = true;
      if (input == DealerInput::kLost) return lost(socket.lost_reason());
      if (input != DealerInput::kNothing) continue;
      const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
      if (left.count() <= 0) return timed_out();
      poller.clear();
      poller.watch(socket);
      poller.wait(microseconds(left.count()));
    }
  }

  tl::unexpected<Error> lost(const std::string& reason) {
    socket.close({});
    return fail(ErrorCode::kUnreachable,
                fmt::format("no router answers at {} ({}); start one with `emq up`, or name another with --addr",
                            address, reason));
  }

  std::optional<Result<std::string>> take(const Frames& frames, const Message& question) {
    const auto message = decode(frames);
    if (!message) return no_router(message.error().error.text);
    switch (bearing_of(*message, question)) {
      case Bearing::kNone:
        return std::nullopt;
      case Bearing::kAnswer:
        return answer_text(*message);
      case Bearing::kRefusal:
        return tl::unexpected(std::get<ErrorMessage>(message->body).error);
      case Bearing::kNonsense:
        break;
    }
    return no_router(fmt::format("it answered {} with {}", command_word(question.body), command_word(message->body)));
  }

  // Something answers, and not as a router does.
  tl::unexpected<Error> no_router(const std::string& reason) {
    socket.close({});
    return fail(ErrorCode::kBadMessage,
                fmt::format("what answers at {} is no administrative socket of a router: {}; name that with --addr",
                            address, reason));
  }

  tl::unexpected<Error> timed_out() {
    socket.close({});
    if (!link_is_up) return lost("no connection in time");
    return fail(ErrorCode::kTimedOut,
                fmt::format("the router at {} gave no answer within {} s", address, timeout.seconds()));
  }

  std::string address;
  Duration timeout;
  IdSource ids;
  ZmqContext context;
  DealerSocket socket;
  bool link_is_up = false;
};

AdminClient::AdminClient(std::string address, Duration timeout)
    : state_(std::make_unique<State>(std::move(address), timeout)) {}
AdminClient::~AdminClient() = default;
AdminClient::AdminClient(AdminClient&&) noexcept = default;

const std::string& AdminClient::address() const { return state_->address; }

Result<std::string> AdminClient::query(const std::string& view, const std::string& arguments) {
  return state_->ask(Query{Bytes(view), Bytes(arguments)});
}
Result<std::string> AdminClient::published_status() { return state_->ask(StatusQuery{}); }
Result<std::string> AdminClient::published_workers() { return state_->ask(ShowWorkers{}); }
Result<std::string> AdminClient::published_schedulers() { return state_->ask(ShowSchedulers{}); }
Result<void> AdminClient::shutdown() {
  return state_->ask(Disconnect{}).map([](const std::string&) {});
}

}  // namespace eventmq
