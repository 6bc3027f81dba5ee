// The jobs of the recorded conversations, in C++, so that our job manager can be asked what theirs was.
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "eventmq/job.h"

namespace {

int add(int a, int b) { return a + b; }
EVENTMQ_JOB("my_jobs.add", add);

void boom() { throw std::runtime_error("no"); }
EVENTMQ_JOB("my_jobs.boom", boom);

std::string greet(eventmq::JobContext& context, const std::string& name, bool loud) {
  std::string text = context.info().class_args.at(0).get<std::string>() + " " + name;
  if (!loud) return text;
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}
EVENTMQ_JOB("my_jobs:Greeter.greet", greet, "name", eventmq::Parameter("loud", false));

// Until its timeout.
void slow() {
  for (;;) ::pause();
}
EVENTMQ_JOB("my_jobs.slow", slow);

}  // namespace
