// Texts that are made from the commands: help, docs/commands.md, shell completion.
#pragma once

#include <string>

#include "src/programs/command.h"

namespace eventmq {

// "emq send [flags] NAME [ARGUMENT…]".
std::string usage_line(const Command& command);
// All commands, one line each.
std::string overview();
std::string command_help(const Command& command);
// The same of all commands of two words that begin with this one: "jobs". Empty if there is none.
std::string group_help(std::string_view first_word);
// docs/commands.md.
std::string commands_docs();
std::string bash_completion();

}  // namespace eventmq
