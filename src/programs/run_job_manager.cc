// The job manager as a user's program runs it: `emq jobmanager` with that program's own jobs.
#include "eventmq/worker.h"
#include "src/programs/command.h"

namespace eventmq {

int run_job_manager(int argc, char** argv) {
  fill_standard_descriptors();
  if (const auto status = run_worker_process(argc, argv)) return *status;
  std::vector<std::string> words = {"jobmanager"};
  for (int i = 1; i < argc; ++i) words.emplace_back(argv[i]);
  Console console = Console::of_process();
  return run_words(words, console);
}

}  // namespace eventmq
