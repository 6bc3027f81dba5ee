// Runs a transcript: a script of what peers say, through the true codec and the true broker in manual time. Under
// each line of the script stands, indented, what came of it:
//
//   c1 > REQUEST | j1 | default | reply-requested | ["run", {}]
//       c1 < ACK | * | j1
//       w1 < REQUEST | j1 | default | reply-requested | ["run", {}] | 1
//
// Lines of a script:
//   PEER > FRAMES        frames from the command on; "(empty)" is an empty frame
//   PEER >> FRAMES       all frames as they stand, to say what no sound peer would
//   tick 1.5s            time passes; the broker is woken whenever it asked for it
//   alive PEER…          from now on they send heartbeats, which are not shown, every second that passes
//   silent PEER…         no longer
//   lost PEER            the transport found it unreachable
//   stuck PEER           the transport found that it does not read
//   undelivered PEER     the last REQUEST to it did not leave
//   shutdown             the operator asks for an orderly end
//   settings NAME=VALUE… as in docs/settings.md, for those that the core knows; "heartbeats=on", or they are off
//   # …                  a comment
// What comes of them:
//   PEER < FRAMES        a message; ids that the broker made are shown as *, "{after 2}" waits for commit 2
//   store 2: …           records for the store, as commit 2
//   at 3s                the time since the beginning, before what a tick brought
//   refused: …           what the codec said of a message that it did not take
//   the broker ends
// Peers whose names begin with c are at the frontend, those with a at the administrative socket, others at the backend.
#pragma once

#include <string>
#include <string_view>

namespace eventmq::transcripts {

// The script with what came of it anew. Lines that are indented are taken for what came of it last time and left out.
// Throws std::runtime_error on a line that it does not understand.
std::string run(std::string_view script);

}  // namespace eventmq::transcripts
