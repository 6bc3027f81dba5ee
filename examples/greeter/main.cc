// A program of one's own that runs jobs and asks for them.
//
//   greeter work              runs its jobs until Ctrl-C; takes the flags of `emq jobmanager`
//   greeter NAME [TIMES]      asks a running greeter (any that serves the queue) to greet NAME
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "eventmq/client.h"
#include "eventmq/job.h"
#include "eventmq/worker.h"

namespace {

std::string greet(eventmq::JobContext& context, const std::string& name, int times) {
  if (times < 1 || times > 1000) throw eventmq::JobError("bad-arguments", "times must be from 1 to 1000");
  std::string greeting = "Hello";
  for (int done = 1; done <= times; ++done) {
    greeting += ", " + name;
    context.progress(static_cast<double>(done) / times);
  }
  return greeting + "!";
}
EVENTMQ_JOB("greeter.greet", greet, "name", eventmq::Parameter("times", 1));

int ask(const std::string& name, int times) {
  using std::chrono_literals::operator""s;
  eventmq::Client client;
  std::cout << client.request<std::string>("greeter.greet", {name, times}, {.timeout = 10s}).get() << "\n";
  return EXIT_SUCCESS;
}

int usage() {
  std::cerr << "usage: greeter work [FLAG...] | greeter NAME [TIMES]\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  // A job manager starts this program again for each worker process.
  if (const auto status = eventmq::run_worker_process(argc, argv)) return *status;
  if (argc < 2) return usage();
  if (argv[1] == std::string_view("work")) return eventmq::run_job_manager(argc - 1, argv + 1);
  try {
    return ask(argv[1], argc > 2 ? std::atoi(argv[2]) : 1);
  } catch (const std::exception& error) {
    std::cerr << "greeter: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
