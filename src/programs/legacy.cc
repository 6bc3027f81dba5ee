#include "src/programs/legacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/programs/addresses.h"
#include "src/programs/admin_client.h"
#include "src/programs/command.h"
#include "src/programs/words.h"

namespace eventmq {
namespace {

constexpr Duration kReplyTimeout = seconds(5);
constexpr const char* kCliHelp =
    "connect ADDRESS    talk to the router with this administrative address\n"
    "disconnect         stop talking to it\n"
    "status             its counters\n"
    "show_workers       the connected job managers\n"
    "show_schedulers    the connected schedulers\n"
    "shutdown           tell it to shut down\n"
    "quit               leave; Ctrl-D does too\n"
    "Every other line is a command of emq: queues, jobs, …\n";

constexpr const char* kJobManagerHelp =
    "\nUnder the name emq-jobmanager it takes besides:\n"
    "  -B ADDRESS  The router's backend address, as --broker-addr does.\n";

// emq-cli: answers as indented JSON.
class Cli {
 public:
  Cli(std::optional<std::string> address, Console& console) : console_(console) {
    if (address) connect(*address);
  }

  ExitCode run_words_of(const std::vector<std::string>& words) {
    const std::string& command = words[0];
    if (command == "help" || command == "?") return console_.print(kCliHelp), kExitDone;
    if (command == "connect") return words.size() == 2 ? connect(words[1]) : usage("connect ADDRESS");
    if (command == "disconnect") return admin_.reset(), kExitDone;
    if (command == "status") return show(&AdminClient::published_status);
    if (command == "show_workers" || command == "show_managers") return show(&AdminClient::published_workers);
    if (command == "show_schedulers") return show(&AdminClient::published_schedulers);
    if (command == "shutdown") return shutdown();
    return other(words);
  }

  ExitCode run() {
    const std::unique_ptr<LineSource> lines = console_.lines("> ", [](const std::string& before) {
      return before.empty() ? std::vector<std::string>{"connect",         "disconnect",   "help",     "quit",
                                                       "show_schedulers", "show_workers", "shutdown", "status"}
                            : std::vector<std::string>{};
    });
    ExitCode first_failure = kExitDone;
    while (const std::optional<std::string> line = lines->next()) {
      const auto words = words_of_line(*line);
      ExitCode code = kExitDone;
      if (!words) {
        code = usage(words.error().text);
      } else if (!words->empty()) {
        if (words->front() == "quit" || words->front() == "exit") break;
        code = run_words_of(*words);
      }
      if (first_failure == kExitDone) first_failure = code;
    }
    return lines->interactive() ? kExitDone : first_failure;
  }

 private:
  ExitCode usage(const std::string& text) {
    console_.error_line(text);
    return kExitUsage;
  }

  ExitCode connect(const std::string& address) {
    if (auto checked = check_socket_address(address, false, "47293"); !checked) return usage(checked.error().text);
    admin_.emplace(address, kReplyTimeout);
    return kExitDone;
  }

  ExitCode show(Result<std::string> (AdminClient::*question)()) {
    if (!admin_) return usage("not connected; say connect ADDRESS, or start with -a ADDRESS");
    const Result<std::string> answer = ((*admin_).*question)();
    if (!answer) return console_.fail(answer.error());
    const auto json = nlohmann::ordered_json::parse(*answer, nullptr, false);
    if (!json.is_object()) {
      return console_.fail({ErrorCode::kBadMessage, "what answers is no router: its answer is no JSON object"});
    }
    console_.line(json.dump(4));
    return kExitDone;
  }

  ExitCode shutdown() {
    if (!admin_) return usage("not connected; say connect ADDRESS, or start with -a ADDRESS");
    if (auto told = admin_->shutdown(); !told) return console_.fail(told.error());
    console_.line("the router is shutting down");
    return kExitDone;
  }

  ExitCode other(std::vector<std::string> words) {
    words = with_second_word(std::move(words));
    const CommandMatch match = find_command(words);
    if (match.command == nullptr || match.command->serves)
      return usage(fmt::format("there is no command {}; say help", safe_text(words[0])));
    for (const FlagSpec& flag : flags_of(*match.command)) {
      if (admin_ && long_name(flag) == "--addr") words.push_back("--addr=" + admin_->address());
    }
    return run_words(words, console_);
  }

  Console& console_;
  std::optional<AdminClient> admin_;
};

ExitCode run_cli(const std::vector<std::string>& words, Console& console) {
  const std::vector<FlagSpec> specs = {{.names = {"-a", "--addr"},
                                        .kind = FlagKind::kValue,
                                        .value_word = "ADDRESS",
                                        .help = "The router's administrative address."},
                                       {.names = {"-h", "--help"}, .help = "Print this help."}};
  const Result<CommandLine> line = parse_command_line(specs, words);
  if (!line) {
    console.error_line(line.error().text + "\nTry: emq-cli --help");
    return kExitUsage;
  }
  if (line->has("--help")) {
    console.print(
        std::string("Usage: emq-cli [-a ADDRESS] [COMMAND]\n\nWithout a command it reads commands, one a line:\n\n") +
        kCliHelp);
    return kExitDone;
  }
  std::optional<std::string> address;
  if (const TypedFlag* typed = line->find("--addr")) address = typed->value;
  if (address) {
    if (auto checked = check_socket_address(*address, false, "47293"); !checked) {
      console.error_line("--addr: " + checked.error().text);
      return kExitUsage;
    }
  }
  Cli cli(address, console);
  return line->arguments.empty() ? cli.run() : cli.run_words_of(line->arguments);
}

}  // namespace

bool is_legacy_name(const std::string& program) {
  constexpr std::string_view kNames[] = {"emq-router", "emq-jobmanager", "emq-scheduler", "emq-pubsub", "emq-cli"};
  return std::ranges::find(kNames, program) != std::end(kNames);
}

ExitCode run_legacy(const std::string& program, const std::vector<std::string>& words, Console& console) {
  if (program == "emq-cli") return run_cli(words, console);
  std::vector<std::string> all = {program.substr(4)};
  bool helps = false;
  for (const std::string& word : words) {
    helps = helps || word == "-h" || word == "--help";
    const bool is_broker = program == "emq-jobmanager" && word.starts_with("-B");
    if (!is_broker) {
      all.push_back(word);
    } else if (word.size() == 2) {
      all.push_back("--broker-addr");
    } else {
      all.push_back("--broker-addr=" + word.substr(2));
    }
  }
  const ExitCode code = run_words(all, console);
  if (helps && code == kExitDone && program == "emq-jobmanager") console.print(kJobManagerHelp);
  return code;
}

}  // namespace eventmq
