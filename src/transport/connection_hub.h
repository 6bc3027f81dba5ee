// All connections of a program's RouterSockets: accepts them, does their handshakes, writes what they are sent, probes
// them, and keeps what they can cost within limits. It speaks ZMTP itself (src/zmtp), on the thread of whoever waits
// with a Poller: no thread of its own, and nothing but its handshake is read from a peer before somebody asks its
// socket for a message.
//
// What peers cannot do:
//
//   - take another's place: whose routing id another connection has is refused, by the end of its connection in answer
//     to its READY. If that other one has closed its side, the newcomer waits until the last of it was read.
//   - make us hold more than a message may have each (zmtp/message_reader.h), and limits::kUnfinishedBytes of
//     unfinished messages together, beyond which the connection with the largest is closed.
//   - make us keep more for them than SocketOptions say, and limits::kUnsentBytes together, beyond which the connection
//     for which the most waits is closed.
//   - shut others out by connections that say nothing: beyond HubOptions::connections the oldest of which no message
//     was taken goes; if there is none, the newcomer.
//   - keep a name or memory when they are gone, or stop in the midst of a message: a peer is probed when it is quiet,
//     by PING if it speaks ZMTP 3.1, else by the keep-alive of TCP.
//
// A hub that was not serviced for a while excuses all of them, since it has not heard what they said.
//
// Not thread-safe: one thread at a time, which is that of its sockets. It must outlive them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/file_descriptor.h"
#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/connection_fault.h"
#include "src/wire/limits.h"

namespace eventmq {

class Connection;
struct Port;

struct HubOptions {
  uint64_t unfinished_bytes = limits::kUnfinishedBytes;  // of all connections
  uint64_t unsent_bytes = limits::kUnsentBytes;          // of all connections
  uint64_t connections = limits::kConnections;           // of all sockets
  Duration told_again = seconds(60);  // the least between two faults of one host and reason that are told in words
  // What is sent leaves when somebody waits with a Poller, and not at once: for a loop that sends much in each turn.
  bool gathers_sends = false;
};

// As many as the limit of open files leaves, and at most limits::kConnections.
uint64_t connections_possible();

// A connection that was not had or kept.
struct FaultyConnection {
  ConnectionFault fault = ConnectionFault::kUnfinished;
  std::string address;  // of the peer; empty if there is none, and `reason` is a whole sentence
  std::string reason;   // "it ..."; empty if the same was told of lately
};

class ConnectionHub {
 public:
  explicit ConnectionHub(HubOptions options = {});
  ~ConnectionHub();
  ConnectionHub(const ConnectionHub&) = delete;
  ConnectionHub& operator=(const ConnectionHub&) = delete;

  // Those since the last call.
  std::vector<FaultyConnection> take_faults();

  // --- For the Poller ---
  int fd() const { return events_.get(); }  // readable when service() has something to do
  Instant next_due() const;                 // when it has at the latest
  void flush();                             // sends what was queued
  // All but reading messages. `has_events`: fd() is readable.
  void service(bool has_events);
  static Instant now();

  // --- For RouterSocket ---
  // Errors: kSystem.
  Result<void> add(Port& port);
  // Closes all its connections; what is queued for them is given so long to leave.
  void remove(Port& port, Duration linger);
  Connection* find(uint64_t number) const;
  Instant time() const { return now_; }  // of the last service()
  void sent(Connection& connection);     // something was queued for it
  void write(Connection& connection);
  void heard(Connection& connection);       // something of it was read
  void spoke(Connection& connection);       // a message of it was
  void count_held(Connection& connection);  // and it may hold more or less; may close it or another
  void answer(Connection& connection, std::string_view command);
  void cut(Connection& connection, ConnectionFault fault, std::string reason);
  void close(Connection& connection);

 private:
  bool listen(Port& port);
  void accept_some(Port& port);
  void accepted(Port& port, FileDescriptor fd);
  void pause_accepting();
  void resume_accepting();
  uint64_t counted() const;
  bool shed(const std::string& cause);

  void serve(uint64_t number);
  void advance_handshake(Connection& connection);
  void claim_id(Connection& connection);
  void refuse(Connection& connection, Connection& owner);
  static Bytes made_id(Port& port);  // of a peer that gave none
  void admit(Connection& connection);
  void to_flush(Connection& connection);
  void probe(Connection& connection);

  void look_at_times();
  void excuse_all();
  void look_at(Connection& connection, Instant last_look);
  void look_at_handshake(Connection& connection);
  void look_at_message(Connection& connection);
  void look_at_silence(Connection& connection, bool unread);
  bool waits_for_id(const Connection& connection) const;
  void schedule_look();
  Connection& with_most(size_t Connection::*bytes) const;
  void cut_largest();
  void cut_unread();

  void watch_writable(Connection& connection, bool on);
  void count_unsent(Connection& connection);
  void linger(const Port& port, Duration time);
  static void say_goodbye(Connection& connection);
  bool told_lately(const std::string& about);

  HubOptions options_;
  Instant now_;
  FileDescriptor events_;  // epoll: listeners, handshakes, and connections that cannot be written to
  std::vector<Port*> ports_;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t next_number_ = 1;
  std::vector<uint64_t> to_flush_, flushed_;
  size_t held_ = 0;    // by unfinished messages
  size_t unsent_ = 0;  // bytes that wait for all connections
  Instant last_look_;
  Instant next_look_ = Instant::never();
  Instant accept_again_ = Instant::never();  // when there were no files left
  std::unordered_map<std::string, Instant> told_;
  std::vector<FaultyConnection> faults_;
};

}  // namespace eventmq
