// Recorded conversations (tests/compat/python_peers.txt) as values, to decode and to replay.
//
// The file: a line "# title" begins a conversation, then one line for each message:
//      4.18 peer> (empty) | eMQP/1.0 | READY | 2f5050d1-87bb-4c49-a073-040113839db3
// seconds since the start, who spoke ("peer>" the recorded peer, "peer<" the recorder in the broker's
// place), and the frames as a ROUTER sees them without the routing id. Comments before the first message
// belong to no conversation unless they stand right above it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/wire/frames.h"

namespace eventmq::testing {

struct TranscriptLine {
  int number = 0;  // in the file, from 1
  Duration at;     // since the conversation began
  bool from_peer = false;
  std::string text;  // the frames as the file writes them
  Frames frames;
};

struct Conversation {
  std::string title;  // without the "# "
  std::vector<TranscriptLine> lines;
};

// Errors: kBadValue, with the number of the line that is neither comment, blank nor message.
Result<std::vector<Conversation>> parse_transcript(std::string_view text);
// Errors: also kSystem when the file cannot be read.
Result<std::vector<Conversation>> read_transcript_file(const std::string& path);

}  // namespace eventmq::testing
