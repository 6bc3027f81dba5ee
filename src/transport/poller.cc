#include "src/transport/poller.h"

#include <zmq.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "src/base/assert.h"
#include "src/transport/dealer_socket_state.h"
#include "src/transport/router_socket_state.h"

namespace eventmq {

struct Poller::State {
  // One watched thing has up to two entries: a DealerSocket also has its monitor.
  struct Watched {
    size_t first;
    size_t count;
    const RouterSocket::State* router;  // or none
  };
  std::vector<zmq_pollitem_t> items;
  std::vector<Watched> watched;
  struct Hub {
    ConnectionHub* hub;
    size_t item;
  };
  std::vector<Hub> hubs;

  Token add(std::initializer_list<zmq_pollitem_t> added, const RouterSocket::State* router = nullptr) {
    watched.push_back({items.size(), added.size(), router});
    items.insert(items.end(), added);
    return watched.size() - 1;
  }
  void add(ConnectionHub& hub) {
    if (std::any_of(hubs.begin(), hubs.end(), [&](const Hub& each) { return each.hub == &hub; })) return;
    hubs.push_back({&hub, items.size()});
    items.push_back({nullptr, hub.fd(), ZMQ_POLLIN, 0});
  }
  bool has_unread() const {
    return std::any_of(watched.begin(), watched.end(),
                       [](const Watched& each) { return each.router != nullptr && each.router->has_unread(); });
  }
  // At most that long, or until a hub has something to do. Negative: without limit.
  Duration shortened(Duration timeout) const;
};

Duration Poller::State::shortened(Duration timeout) const {
  if (has_unread()) return Duration{};
  for (const auto& [hub, item] : hubs) {
    if (hub->next_due() == Instant::never()) continue;
    const Duration left = std::max(Duration{}, hub->next_due() - ConnectionHub::now());
    timeout = timeout < Duration{} ? left : std::min(timeout, left);
  }
  return timeout;
}

Poller::Poller() : state_(std::make_unique<State>()) {}
Poller::~Poller() = default;

void Poller::clear() {
  state_->items.clear();
  state_->watched.clear();
  state_->hubs.clear();
}

Poller::Token Poller::watch(RouterSocket& socket) {
  RouterSocket::State& state = *socket.state_;
  if (!state.is_open()) return state_->add({});
  state_->add(state.hub);
  return state_->add({{nullptr, state.port.input.get(), ZMQ_POLLIN, 0}}, &state);
}

void Poller::watch(ConnectionHub& hub) { state_->add(hub); }

Poller::Token Poller::watch(const DealerSocket& socket) {
  const DealerSocket::State& state = *socket.state_;
  if (state.socket == nullptr) return state_->add({});
  // The library may report the end of a connection twice, the second time late. Nobody waits for that.
  if (state.lost) return state_->add({{state.socket, 0, ZMQ_POLLIN, 0}});
  return state_->add({{state.socket, 0, ZMQ_POLLIN, 0}, {state.monitor, 0, ZMQ_POLLIN, 0}});
}

Poller::Token Poller::watch_readable(int fd) { return state_->add({{nullptr, fd, ZMQ_POLLIN | ZMQ_POLLERR, 0}}); }
Poller::Token Poller::watch_writable(int fd) { return state_->add({{nullptr, fd, ZMQ_POLLOUT | ZMQ_POLLERR, 0}}); }

void Poller::wait(Duration timeout) {
  for (const auto& [hub, item] : state_->hubs) hub->flush();
  timeout = state_->shortened(timeout);
  constexpr int64_t kLongest = std::numeric_limits<int>::max();
  // Not (us + 999) / 1000: "until never" would overflow.
  const int64_t rounded_up = timeout.us / 1000 + (timeout.us % 1000 > 0 ? 1 : 0);
  const long milliseconds = timeout < Duration{} ? -1 : static_cast<long>(std::min(rounded_up, kLongest));
  const int ready = zmq_poll(state_->items.data(), static_cast<int>(state_->items.size()), milliseconds);
  if (ready < 0) {
    EMQ_ASSERT(zmq_errno() == EINTR, "zmq_poll: {}", zmq_strerror(zmq_errno()));
    for (zmq_pollitem_t& item : state_->items) item.revents = 0;
  }
  for (const auto& [hub, item] : state_->hubs) hub->service(state_->items[item].revents != 0);
}

bool Poller::ready(Token token) const {
  const State::Watched& watched = state_->watched.at(token);
  if (watched.router != nullptr && watched.router->has_unread()) return true;
  for (size_t i = 0; i < watched.count; ++i) {
    if (state_->items[watched.first + i].revents != 0) return true;
  }
  return false;
}

}  // namespace eventmq
