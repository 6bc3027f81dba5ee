// version, help, completion.
#include <fmt/format.h>

#include "src/programs/command.h"
#include "src/programs/help.h"
#include "src/programs/version.h"

namespace eventmq {

ExitCode run_version(Invocation& invocation) {
  invocation.console.line(
      invocation.has("--json")
          ? fmt::format(R"({{"name": "eventmq", "version": "{}", "protocol": "eMQP/1.0"}})", kVersion)
          : fmt::format("emq {} (eMQP/1.0)", kVersion));
  return kExitDone;
}

ExitCode run_help(Invocation& invocation) {
  if (invocation.has("--docs")) {
    invocation.console.print(commands_docs());
    return kExitDone;
  }
  if (invocation.line.arguments.empty()) {
    invocation.console.print(overview());
    return kExitDone;
  }
  std::vector<std::string> words = invocation.line.arguments;
  words.push_back("--help");
  return run_words(words, invocation.console);
}

ExitCode run_completion(Invocation& invocation) {
  if (invocation.argument(0) != "bash") {
    invocation.console.error_line(
        fmt::format("there is no completion for {}; bash is the one there is", safe_text(invocation.argument(0))));
    return kExitUsage;
  }
  invocation.console.print(bash_completion());
  return kExitDone;
}

}  // namespace eventmq
