// A peer that speaks well-formed nonsense: floods of READY, replies for jobs it does not hold or at wrong
// attempts, the same message twice, cancels of any id, INFORM, DISCONNECT and KBYE at odd times; and now and
// then what is not well formed. It may waste what it is given; it must not harm what others are promised.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/jobs.h"
#include "sim/network.h"
#include "src/base/id_source.h"

namespace eventmq::sim {

class HostilePeer final : public Peer {
 public:
  HostilePeer(World& world, Network& network, Jobs& jobs, std::string name, Side side);

  void receive(const ConnectionPtr& from, const Message& message) override;
  void link_lost(const ConnectionPtr& lost) override;

 private:
  void on_start() override;
  void on_end() override;
  void connect();
  void act_soon();
  void act();
  void act_as_worker();
  void act_as_client();
  void flood();
  void malformed();
  Inform draw_inform();
  Reply draw_reply();
  void send(Body body);
  void send(Message message);

  Network& network_;
  Jobs& jobs_;
  Side side_;
  IdSource ids_;
  ConnectionPtr link_;
  std::vector<std::pair<std::string, uint32_t>> seen_;  // REQUESTs it was given
  std::vector<Message> sent_;                           // its own, to be repeated
};

}  // namespace eventmq::sim
