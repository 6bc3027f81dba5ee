// Running jobs (eventmq/job.h) in a program of your own.
//
//   int main(int argc, char** argv) { return eventmq::run_job_manager(argc, argv); }
//
// The program starts itself again for each worker process, with an argument that only it knows. A main that does more
// than this asks first:
//
//   int main(int argc, char** argv) {
//     if (auto status = eventmq::run_worker_process(argc, argv)) return *status;
//     …
//   }
//
// If the program links the library statically and loads plug-ins (--load), link it with -rdynamic (CMake:
// ENABLE_EXPORTS).
#pragma once

#include <optional>

namespace eventmq {

// Connects to a broker and runs its jobs until SIGTERM or SIGINT, with the flags, settings and exit codes of
// `emq jobmanager`. Prints what is wrong to stderr. To be called once, from the thread that started with main().
int run_job_manager(int argc, char** argv);

// If this process is a worker process that run_job_manager() started: serves until told to stop, and returns the exit
// status. Else returns nothing at once. run_job_manager() begins with it.
std::optional<int> run_worker_process(int argc, char** argv);

}  // namespace eventmq
