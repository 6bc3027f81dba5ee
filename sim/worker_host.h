// A job manager's process: the true WorkerSession, driven as its program drives it, over handlers that only
// take their time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sim/jobs.h"
#include "sim/network.h"
#include "src/session/worker_session.h"

namespace eventmq::sim {

class WorkerHost final : public Peer {
 public:
  WorkerHost(World& world, Network& network, Jobs& jobs, std::string name, WorkerSessionSettings settings);
  ~WorkerHost() override;

  void drain();
  // How long to wait before a next life after this one's end.
  Duration restart_delay() const { return restart_delay_; }
  const ConnectionPtr& link() const { return link_; }
  size_t running() const { return running_.size(); }
  bool runs(const std::string& request_id, uint32_t attempt) const { return running_.contains({request_id, attempt}); }
  uint32_t slots() const { return settings_.slots; }

  void receive(const ConnectionPtr& from, const Message& message) override;
  void link_lost(const ConnectionPtr& lost) override;

 private:
  using RunKey = std::pair<std::string, uint32_t>;  // request id, attempt

  void on_start() override;
  void on_end() override;
  void on_wake() override;
  void step(WorkerEvent event);
  void carry_out(Connect& effect);
  void carry_out(ToBroker& effect);
  void carry_out(StartJob& effect);
  void carry_out(CancelJob& effect);
  void carry_out(SessionAway& effect);
  void carry_out(SessionEnded& effect);
  void carry_out(SessionLog& effect);
  void finish(const RunKey& key, Outcome outcome);

  Network& network_;
  Jobs& jobs_;
  WorkerSessionSettings settings_;
  std::unique_ptr<WorkerSession> session_;
  ConnectionPtr link_;
  std::map<RunKey, Handler> running_;
  bool draining_ = false;
  Duration restart_delay_ = milliseconds(200);
};

}  // namespace eventmq::sim
