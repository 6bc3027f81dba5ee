// A client's process: the true ClientSession, and the rules that its application relies on.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/jobs.h"
#include "sim/network.h"
#include "src/session/client_session.h"

namespace eventmq::sim {

class ClientHost final : public Peer {
 public:
  ClientHost(World& world, Network& network, Jobs& jobs, std::string name, ClientSessionSettings settings);
  ~ClientHost() override;

  // Submits a new job, or now and then something else.
  void submit_something();
  void close();
  bool closing() const { return closing_; }
  // The submissions of this life that have not come to their end; what is said of them is for a person.
  std::vector<std::string> unfinished() const;
  const ConnectionPtr& link() const { return link_; }

  void receive(const ConnectionPtr& from, const Message& message) override;
  void link_lost(const ConnectionPtr& lost) override;
  void note_refusal(const ErrorMessage& error);

 private:
  struct Submission {
    bool request = false;
    bool wants_reply = false;
    bool guaranteed = false;
    bool unique = false;  // its reply may be of another's job
    bool has_deadline = false;
    bool accepted = false;
    uint64_t accepted_in = 0;  // life of the broker
    uint64_t sent_to = 0;      // likewise, of the connection it was last sent on
    ConnectionPtr sent_on;
    ConnectionPtr not_known_on;  // where it was refused last for a reason that passes
    bool ended = false;
    bool forgotten = false;
  };

  void on_start() override;
  void on_end() override;
  void on_wake() override;
  void step(ClientEvent event);
  void submit(Message message, Submission submission);
  void submit_job();
  void submit_cancel();
  void submit_schedule();
  void forget_one();
  Submission* find(const Bytes& id, std::string_view what);
  void carry_out(Connect& effect);
  void carry_out(ToBroker& effect);
  void carry_out(Accepted& effect);
  void carry_out(Failed& effect);
  void carry_out(Replied& effect);
  void carry_out(Progressed& effect);
  void carry_out(SessionEnded& effect);
  void carry_out(SessionLog& effect);
  void check_payload(const Replied& effect);
  void check_request_sent(const Bytes& id, Submission& submission);

  Network& network_;
  Jobs& jobs_;
  ClientSessionSettings settings_;
  std::unique_ptr<ClientSession> session_;
  ConnectionPtr link_;
  std::map<std::string, Submission> submissions_;  // of this life
  bool closing_ = false;
};

}  // namespace eventmq::sim
