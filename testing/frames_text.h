// Frames as one line of text, the way the recorded conversations write them:
// "(empty) | eMQP/1.0 | READY | 2f5050d1". A frame with " | " inside cannot be written so.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "src/wire/frames.h"

namespace eventmq::testing {

std::string frames_text(const Frames& frames);
// At most limits::kFramesPerMessage frames; beyond, the frames are marked as overflowing.
Frames frames_from_text(std::string_view line);

// Each text is a frame as it stands.
Frames make_frames(std::initializer_list<std::string_view> texts);
// As make_frames, behind the empty frame and the version: make_message_frames({"READY", "some-id"}).
Frames make_message_frames(std::initializer_list<std::string_view> texts);

}  // namespace eventmq::testing
