// Other peers of the published protocol: the client that sends and never reads, and the scheduler.
#pragma once

#include <string>

#include "sim/jobs.h"
#include "sim/network.h"
#include "src/base/id_source.h"

namespace eventmq::sim {

// Hands in jobs and never reads an answer: what is sent to it piles up.
class LegacyClient final : public Peer {
 public:
  LegacyClient(World& world, Network& network, Jobs& jobs, std::string name);

  void submit();

  void receive(const ConnectionPtr&, const Message&) override {}
  void link_lost(const ConnectionPtr& lost) override;
  bool reads() const override { return false; }

 private:
  void on_start() override;
  void on_end() override;

  Network& network_;
  Jobs& jobs_;
  IdSource ids_;
  std::string routing_id_;
  ConnectionPtr link_;
};

// Hands in a job every so often, with a reply that it does nothing with, and takes schedules.
class LegacyScheduler final : public Peer {
 public:
  LegacyScheduler(World& world, Network& network, Jobs& jobs, std::string name);

  // No more jobs from here.
  void pause() { paused_ = true; }

  void receive(const ConnectionPtr& from, const Message& message) override;
  void link_lost(const ConnectionPtr& lost) override;

 private:
  void on_start() override;
  void on_end() override;
  void begin_conversation();
  void beat(uint64_t conversation);
  void send(Body body);

  Network& network_;
  Jobs& jobs_;
  IdSource ids_;
  std::string routing_id_;
  ConnectionPtr link_;
  uint64_t conversation_ = 0;
  bool informed_ = false;
  bool paused_ = false;
  Instant heard_;
};

// The request of a drawn job, in the form that existing peers send.
Message job_message(const JobSpec& spec);

}  // namespace eventmq::sim
