// emq: one program, under its own name or one of the original's.
#include <filesystem>

#include "eventmq/worker.h"
#include "src/programs/command.h"
#include "src/programs/edited_lines.h"
#include "src/programs/legacy.h"

int main(int argc, char** argv) {
  eventmq::fill_standard_descriptors();
  if (const auto status = eventmq::run_worker_process(argc, argv)) return *status;
  const std::string program = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "emq";
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  eventmq::Console console = eventmq::Console::of_process();
  console.read_lines_with(eventmq::edited_lines);
  if (eventmq::is_legacy_name(program)) return console.end_with(eventmq::run_legacy(program, words, console));
  return console.end_with(eventmq::run_words(words, console));
}
