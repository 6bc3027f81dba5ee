// The client's own thread: it owns the sockets and steps the session; other threads hand it commands.
//
// All callbacks run on that thread, one at a time; each of a watcher's ends is told once, before close() returns.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "src/base/id_source.h"
#include "src/base/result.h"
#include "src/client/clock.h"
#include "src/client/job_end.h"
#include "src/client/publish_link.h"
#include "src/session/client_session.h"
#include "src/transport/dealer_socket.h"
#include "src/transport/poller.h"
#include "src/transport/wakeup.h"

namespace eventmq {

struct ClientLoopSettings {
  ClientSessionSettings session;
  std::string publish_address;
  size_t unacknowledged_max = 100'000;
  std::function<void(bool warning, const std::string& text)> log;  // may be empty
};

// Who is told about a submission. Any may be empty.
struct Watcher {
  std::function<void(Result<void>)> acknowledged;                       // ACKed, or failed before
  std::function<void(Result<JobEnd>)> ended;                            // of a REQUEST with reply-requested, or a QUERY
  std::function<void(double fraction, const std::string&)> progressed;  // the same
};

class ClientLoop {
 public:
  ClientLoop(ClientLoopSettings settings, std::shared_ptr<ZmqContext> context);
  // close() must have been called. Not in a callback; there, end() it.
  ~ClientLoop();
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;

  // --- From any thread ---
  Bytes next_id();
  Instant now() const { return clock_.now(); }
  bool is_own_thread() const;
  // If this fails (kClosed, kQueueFull) the watcher is told nothing.
  Result<void> submit(Submit submit, Watcher watcher);
  Result<void> publish(Message message, Instant deadline, PublishLink::Done done);
  // `done` is told when everything submitted before has been ACKed or has failed. False: the loop is closed.
  bool flush(std::function<void()> done);
  // Takes nothing more; ends when what was submitted has been ACKed, or at the deadline. Waits for that, unless it
  // is called in a callback.
  void close(Instant deadline);
  // Closes the loop and destroys it. In a callback of its own, which cannot wait for it, it goes on until it has ended
  // and then destroys itself; nobody else may be using it.
  static void end(std::unique_ptr<ClientLoop> loop, Instant deadline);

 private:
  struct Submission {
    Submit submit;
    Watcher watcher;
  };
  struct Publication {
    Message message;
    Instant deadline;
    PublishLink::Done done;
  };
  struct Flush {
    std::function<void()> done;
  };
  struct Close {
    Instant deadline;
  };
  using Command = std::variant<Submission, Publication, Flush, Close>;
  struct Open {
    Watcher watcher;
    uint64_t number;
    bool acknowledged = false;
  };

  bool hand_over(Command command);
  Result<void> reserve();
  void live();
  void run();
  void wait();
  bool ended() const;
  void take_commands();
  void receive();
  void step(ClientEvent event);

  void carry_out(Submission& command);
  void carry_out(Publication& command);
  void carry_out(Flush& command);
  void carry_out(Close& command);

  void carry_out(Connect& effect);
  void carry_out(ToBroker& effect);
  void carry_out(Accepted& effect);
  void carry_out(Failed& effect);
  void carry_out(Replied& effect);
  void carry_out(Progressed& effect);
  void carry_out(SessionEnded& effect);
  void carry_out(SessionLog& effect);

  void tell_failed(const Open& open, const Error& error);
  void release_number(uint64_t number);
  void log(bool warning, const std::string& text);

  const ClientLoopSettings settings_;
  const std::shared_ptr<ZmqContext> context_;
  const ClientClock clock_;
  Wakeup wakeup_;

  std::mutex mutex_;
  std::vector<Command> commands_;  // guarded by mutex_
  bool closed_ = false;            // guarded by mutex_
  size_t unacknowledged_ = 0;      // guarded by mutex_
  IdSource ids_;                   // guarded by mutex_

  // Of the loop's thread only.
  Instant now_;
  ClientSession session_;
  DealerSocket socket_;
  PublishLink publisher_;
  Poller poller_;
  std::vector<ClientEffect> effects_;
  std::unordered_map<std::string, Open> open_;  // by id
  std::set<uint64_t> unacknowledged_numbers_;
  uint64_t next_number_ = 1;
  std::deque<std::pair<uint64_t, std::function<void()>>> flushes_;  // each waits for all numbers below
  std::optional<Instant> close_deadline_;
  bool link_is_up_ = false;  // the connection of the last Connect was made
  bool link_lost_ = false;   // to be told to the session after the present effects
  bool more_to_receive_ = false;
  bool session_ended_ = false;
  bool owns_itself_ = false;

  std::mutex joining_;
  std::thread thread_;
};

}  // namespace eventmq
