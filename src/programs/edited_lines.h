// Lines typed at a terminal, with history and completion (libedit). Built into `emq` only, so that programs which link
// the library do not load libedit.
#pragma once

#include "src/programs/line_source.h"

namespace eventmq {

// plain_lines() if stdin is no terminal. History is kept in the user's state folder. One at a time.
std::unique_ptr<LineSource> edited_lines(const std::string& prompt, Completer completer);

}  // namespace eventmq
