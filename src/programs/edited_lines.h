// Lines typed at a terminal, with history and completion (libedit). Built into `emq` only, so that programs which link
// the library do not load libedit.
#pragma once

#include "src/programs/line_source.h"

namespace eventmq {

// plain_lines() if stdin is no terminal. History is kept in the user's state folder. Ctrl-C drops the line, as shells
// do. A command runs in a process of its own, so that Ctrl-C can end it wherever it is. One at a time, and no thread
// may run beside it.
std::unique_ptr<LineSource> edited_lines(const std::string& prompt, Completer completer);

}  // namespace eventmq
