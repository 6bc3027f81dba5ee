// Bounds what peers can make us hold by messages that they never finish.
//
// The library hands a message over only when its last frame has come, and limits neither the number nor the sum of
// the frames that it gathers until then. So from outside, with what the kernel and the library tell, the guard finds
// the TCP connections that have sent much of a message and not its end (stream_account.h), and closes
//
//   - one whose unfinished message has more bytes than any message may have;
//   - the largest, when the unfinished messages of all connections together pass limits::kUnfinishedBytes;
//   - those with an unfinished message since whose beginning the memory of the process grew by more than
//     limits::kUnexplainedBytes beyond what explains it: those bytes, and the jobs that the broker took meanwhile
//     (counted twice, for what a job costs besides its message). Small frames need this rule: the library spends 64
//     bytes on a frame of 2, and an 8 KiB buffer on one that came alone. A message that may be large has few frames, so
//     it explains itself. Freed memory that the allocator kept is given back before memory decides.
//
// It also keeps the number of connections below what the limit of open files allows, since beyond it nobody is let in,
// the operator neither, and the library tries to without pause. The oldest that never spoke goes first; if all spoke,
// the newest. What comes between two looks has room in limits::kReservedFiles; if that is not enough, there is none
// until the next look. The library's report of that (ACCEPT_FAILED) is not used, since it comes without pause too.
//
// It also tells of connections that the library closes by itself because their handshake failed, and of those that send
// and of which no message comes, as those of a second peer with one routing id.
//
// A good peer that is cut in such an hour connects again and sends again. What stays possible is kSuspectBytes of small
// frames a connection.
//
// Of ipc:// connections the kernel does not count the bytes (connection_unmetered.cc). So the guard
//
//   - leaves it to the library to close one that announces a frame beyond announced_bytes_max, which the library does
//     without a word. The guard notices since it has a second descriptor of each, made while the handshake waits for
//     that (handshake_gate.h): the peer has not left, and the connection is gone;
//   - closes those of which no message came while memory grew by more than GuardOptions::unfinished_bytes and
//     unexplained_bytes together, beyond what explains it, which no message alone can do; of them first those of which
//     something was seen waiting to be read, and the others after another unexplained_bytes;
//   - tells of one that has said nothing for kSilentAfter, since it cannot tell silence from a second peer with one
//     routing id.
//
// Cost: a look at the memory of the process ten times a second. All TCP connections are looked at only while it grows
// or after it grew; else a few in turn. All ipc:// connections are looked at each time, which is cheap. All looks
// together take at most a twentieth of the time. Peers of ZMTP 1 and 2 cannot be told apart by the library's messages;
// nothing they send counts as received.
//
// Not thread-safe: on the thread of the sockets that it watches, which must leave before it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/transport/accept_monitor.h"
#include "src/transport/handshake_gate.h"
#include "src/transport/kernel_counts.h"
#include "src/transport/stream_account.h"
#include "src/transport/unheard_account.h"
#include "src/wire/connection_fault.h"
#include "src/wire/limits.h"

namespace eventmq {

struct GuardOptions {
  uint64_t unfinished_bytes = limits::kUnfinishedBytes;    // of all connections
  uint64_t unexplained_bytes = limits::kUnexplainedBytes;  // of memory
  uint64_t connections = limits::kConnections;             // of all sockets
};

// Of a socket that is to be watched.
struct WatchOptions {
  size_t frame_bytes_max;      // of the largest frame of a message
  size_t announced_bytes_max;  // the library closes connections that announce a larger frame
  size_t own_connections;      // so many do not count
  bool metered;                // the kernel counts the bytes of its connections
};

// As many as the limit of open files leaves, and at most limits::kConnections.
uint64_t connections_possible();

struct FaultyConnection {
  std::string address;  // empty if it was gone before we looked
  std::string reason;   // "it ..."
  ConnectionFault fault = ConnectionFault::kUnfinished;
};

class ConnectionGuard {
 public:
  explicit ConnectionGuard(GuardOptions options = {}) : options_(options) {}
  ConnectionGuard(const ConnectionGuard&) = delete;
  ConnectionGuard& operator=(const ConnectionGuard&) = delete;

  // --- For RouterSocket; `socket` is the library's ---
  // Before it is bound. Sockets that are not metered must have one context.
  Result<void> watch(void* context, void* socket, const WatchOptions& given);
  // Before it is closed.
  void forget(void* socket);
  // A message came from the connection with this descriptor; -1 if the library does not tell.
  void received(void* socket, int fd, size_t bytes);
  // There was no message to receive.
  void drained(void* socket);

  // --- For the loop ---
  // When to check() at the latest; and when handshakes wait, for which a Poller looks.
  Instant next_check() const { return sockets_.empty() ? Instant::never() : next_check_; }
  // The library's socket that has input then; nullptr if there are none.
  void* waiting_handshakes() const { return gate_ ? gate_->handle() : nullptr; }
  // Lets in who waits. Does nothing else before next_check(). `job_bytes` is what the broker says that it holds.
  std::vector<FaultyConnection> check(Instant now, uint64_t job_bytes);

 private:
  // What the process held at a moment.
  struct Level {
    uint64_t resident = 0, jobs = 0, unfinished = 0;
  };
  struct Watched;
  struct Connection {
    Watched* socket;
    int fd;
    uint64_t cookie = 0;  // 0: none has this descriptor
    Instant since = {};   // when it was accepted
    uint64_t number = 0;  // in the order of acceptance
    bool told = false;    // that nothing of it comes
    std::string address;  // of the peer
    StreamAccount account;
    UnheardAccount unheard;
    uint64_t recent = 0, recent_turn = 0;  // received in that turn of check()
    bool sampled = false;                  // and not judged
    uint64_t messages_at_sample = 0, drained_at_sample = 0, received_at_sample = 0;
    uint64_t unfinished = 0;
    bool suspect = false;  // the same message has had kSuspectBytes or more unfinished
    Level lowest;          // since then; if it is not metered, since a message of it came
    // --- Not metered ---
    bool newcomer = false;  // take_descriptors() has not seen it, so it is not let in
    kernel_counts::OwnDescriptor own;
    uint64_t received_at_look = 0;
    bool seen_sending = false;  // something of it waited to be read, since a message of it came
  };
  struct Watched {
    Watched(AcceptMonitor accept_monitor, const WatchOptions& given)
        : monitor(std::move(accept_monitor)),
          options(given),
          message_bytes_max(given.frame_bytes_max + limits::kBesideLargestFrameBytes) {}
    Connection& at(int fd);
    // Connections that count, those with a second descriptor twice.
    uint64_t counted() const { return above(open, options.own_connections) * files_each(); }
    uint64_t files_each() const { return options.metered ? 1 : 2; }

    AcceptMonitor monitor;
    WatchOptions options;
    size_t message_bytes_max;
    uint64_t messages = 0;               // received
    uint64_t drained = 0;                // how often it had no message
    std::deque<Connection> connections;  // by descriptor
    std::vector<int> newcomers;          // their descriptors
    size_t next_in_turn = 0;
    size_t open = 0;  // of connections
  };

  void let_in(Instant now);
  void take_reports(Instant now);
  void take_report(Watched& socket, AcceptMonitor::Report report, Instant now);
  static bool handshake_failed(const Connection& gone, AcceptMonitor::End end);
  void tell_unheard(Connection& connection, Instant now);
  void look(Instant now, uint64_t job_bytes);
  void look_for_input();
  static bool all_was_received(const Connection& connection);
  void judge(Instant now);
  void judge(Connection& connection, Instant now);
  static void begin_sample(Connection& connection);
  void sample(Connection& connection, Instant now);
  void sample_some(Instant now, bool all);
  Level level(uint64_t job_bytes) const;
  uint64_t unexplained(const Connection& suspect, const Level& now) const;
  bool any_unexplained(const Level& now) const;
  static void lower_levels(const std::vector<Connection*>& suspects, const Level& now);
  Level level_without_freed(const std::vector<Connection*>& suspects, uint64_t job_bytes) const;

  void cut_too_large();
  void cut_largest_of_too_many();
  void cut_unexplained(uint64_t job_bytes, Instant now);
  void give_back_soon(Instant now);
  // --- connection_unmetered.cc ---
  void take_descriptors();
  void tell_refused(Connection& gone);
  std::vector<Connection*> unmetered();
  void tell_silent(Connection& connection, Instant now);
  size_t look_at_unmetered(uint64_t job_bytes, Instant now);  // how many there are
  uint64_t unmetered_most() const;
  void note_sending(Connection& connection, const Level& present) const;
  bool is_over(const Connection& connection, const Level& present) const;
  void cut_unmetered(Connection& connection, const Level& present, Instant now);
  // --- connection_shedding.cc ---
  bool shed();
  uint64_t too_many() const;
  std::vector<Connection*> first_to_go(uint64_t count);

  void cut(Connection& connection, std::string reason, ConnectionFault fault = ConnectionFault::kUnfinished);
  std::vector<Connection*> suspects_by_size() const;

  GuardOptions options_;
  // Each socket has its own connections, since their reports tell no order between sockets: a descriptor that passed
  // from one to the other is for a while with both.
  std::map<void*, Watched> sockets_;
  std::optional<HandshakeGate> gate_;   // of those that are not metered
  std::vector<Connection*> looked_at_;  // sampled, to be judged
  std::vector<Connection*> suspects_;   // of the last judgement
  uint64_t turn_ = 1;
  uint64_t resident_ = 0;  // when all were looked at, or the least since
  Instant next_check_{0}, next_look_{0};
  uint64_t connections_seen_ = 0;
  Instant trim_at_ = Instant::never();
  int trims_left_ = 0;
  kernel_counts::ResidentMemory memory_;
  kernel_counts::SpareDescriptor spare_;
  std::vector<FaultyConnection> found_;
};

}  // namespace eventmq
