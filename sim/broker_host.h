// The broker's process: the true Broker, driven as its program drives it, over a store that takes its time and
// the virtual network. It is the place where every rule about the broker is checked, after every step.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/broker_model.h"
#include "sim/commit_book.h"
#include "sim/network.h"
#include "sim/virtual_store.h"
#include "src/broker/broker.h"

namespace eventmq::sim {

class BrokerHost final : public Process, public BrokerEnd {
 public:
  BrokerHost(World& world, Network& network, BrokerSettings settings, Duration slowest_commit);
  ~BrokerHost() override;

  bool listening() const override { return alive(); }
  void arrived(Side side, const Bytes& peer, Frames frames) override;

  void change_settings(BrokerSettings settings);
  const BrokerSettings& settings() const { return settings_; }
  // The store cannot write for so long.
  void store_outage(Duration length);
  void be_replaced();
  // An operator's order.
  void shut_down();
  // Asks for the status and lets the model judge it.
  void check_status();
  // It is there, and all that the broker has told it is on the disk.
  bool store_is_settled() const { return store_->available() && store_->committed() == store_->submitted(); }
  // Once the broker holds nothing and the store is settled: nor does the disk.
  void check_disk_is_empty();
  // Of the present or last life.
  const BrokerModel& model() const { return *model_; }

  // BrokerModel::who_runs.
  std::function<std::string(const std::string& id, uint32_t attempt)> who_runs;

 private:
  struct Held {
    Send send;
    CommitNumber needed;  // by the rules; send.after is what the broker says
  };
  using Line = std::deque<Held>;

  void on_start() override;
  void on_end() override;
  void on_wake() override;
  void recover();
  void start_without_store();
  void let_arrive_late(const std::vector<JobRecord>& records);
  void store_committed();
  void step(const Event& event);
  void step_once(const Event& event);
  void step_failures();
  void take_records(Effects& effects);
  void take_claims(Effects& effects);
  void hold(Send send);
  void flush();
  bool may_leave(const Send& send);
  void depart(const Held& held);
  void stop_soon();
  void sabotage(std::vector<Send>& sends);
  bool vanishes(const Send& send);

  // --- broker_results.cc: that results are kept ---
  void note_results(const Effects& effects);
  void results_committed();
  void check_results_after_restart();
  void ask_for_result();
  void judge_result(const Send& send);

  Network& network_;
  BrokerSettings settings_;
  Duration slowest_commit_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<BrokerModel> model_;
  std::unique_ptr<CommitBook> book_;
  StoreModel disk_;     // outlives the lives
  uint64_t fence_ = 0;  // of the life that read it last
  std::unique_ptr<VirtualStore> store_;
  // Attempts that began while the store was away, and whose broker ended before it was back.
  std::set<std::pair<std::string, uint32_t>> unrecorded_starts_;
  std::set<std::string> promised_;  // guaranteed jobs whose ACK has left
  std::map<PeerKey, Line> lines_;   // what waits to leave, by peer
  std::deque<SendFailed> failures_;
  std::deque<std::pair<CommitNumber, ModelResult>> awaited_results_;  // until their commit is durable
  std::map<std::string, ModelResult> results_;                        // that were, by id
  std::string result_asked_;                                          // the last id that was asked for
  bool asking_for_result_ = false;
  uint64_t status_due_ = 0;  // grows with each step since the last
  bool jobs_moved_ = false;  // in the last step
  bool stopping_ = false;
  std::string answer_;  // to the administrator that is this host
};

}  // namespace eventmq::sim
