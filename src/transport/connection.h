// One connection of a RouterSocket: its handshake, then messages both ways. It decides nothing about others; that is
// the ConnectionHub's. Used by this folder only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/file_descriptor.h"
#include "src/base/intrusive_list.h"
#include "src/base/time.h"
#include "src/transport/send_queue.h"
#include "src/zmtp/message_reader.h"

namespace eventmq {

struct Port;

enum class HandshakeStep : uint8_t {
  kGoesOn,  // more of it must come
  kMet,     // the peer has said who it is, and waits for us to answer
  kLeft,    // the peer closed the connection
  kFailed,  // it does not speak ZMTP as we do
};

class Connection {
 public:
  Connection(uint64_t its_number, Port& its_port, FileDescriptor descriptor, size_t frame_bytes_max, Instant now);

  // --- Handshake: reads exactly its bytes, so that what follows it is left for read() ---
  HandshakeStep advance_handshake();
  const std::string& handshake_fault() const { return handshake_fault_; }  // "it ..."
  const std::string& claimed_id() const { return claimed_id_; }            // the peer's; empty if it gave none

  // --- Messages ---
  enum class Read : uint8_t {
    kSome,
    kNothing,  // now
    kEnded,    // the peer has left, or the connection is broken; nothing of it is left to read
  };
  // Reads once: the rest of a large frame to its place, and else up to `size` bytes to `chunk`, which are then `bytes`.
  Read read(char* chunk, size_t size, std::string_view& bytes);

  // --- Its state as the kernel sees it ---
  bool has_unread() const;
  // The peer has closed its side, whatever of it is still to be read.
  bool peer_has_left() const;

  // What it is to others.
  const uint64_t number;  // of no other connection, ever
  Port& port;
  FileDescriptor fd;
  std::string address;  // of the peer
  Bytes routing_id;     // once it is admitted
  zmtp::MessageReader reader;
  SendQueue out;
  Instant since, heard;
  Instant moved;                  // when the message that has begun was last seen to have grown
  uint64_t read_at_look = 0;      // of reader.bytes_read()
  std::optional<Instant> probed;  // and nothing heard since
  size_t held = 0;                // of reader.held_bytes(), that its hub has counted
  size_t unsent = 0;              // of out.bytes(), the same
  bool admitted = false;          // its handshake is done
  bool knows_ping = false;
  bool spoke = false;                // a message of it has come
  bool to_flush = false;             // the hub will write
  bool blocked = false;              // the peer does not read, and the hub waits for it
  bool unwritable = false;           // it broke; what is left to read may still be read
  ListLink<Connection> silent_link;  // of those that never spoke

 private:
  enum class Expects : uint8_t { kGreeting, kReadyHeader, kReady, kNothing };
  // Reads until handshake_ has so many bytes.
  std::optional<HandshakeStep> fill(size_t size);
  HandshakeStep failed(std::string text);
  std::optional<HandshakeStep> take_greeting();
  std::optional<HandshakeStep> take_ready_header();
  std::optional<HandshakeStep> take_ready();

  Expects expects_ = Expects::kGreeting;
  std::string handshake_;  // what has come of the expected part
  size_t ready_bytes_ = 0;
  std::string handshake_fault_, claimed_id_;
};

}  // namespace eventmq
