// A user's program: every public header, a job of its own, the client.
#include <eventmq/client.h>
#include <eventmq/error.h>
#include <eventmq/job.h>
#include <eventmq/worker.h>

#include <cstdio>
#include <cstring>

namespace {

int add(int a, int b) { return a + b; }
EVENTMQ_JOB("consumer.add", add);

int send_one() {
  eventmq::Client client;
  std::puts(client.send("consumer.add", {2, 3}).c_str());
  return 0;
}

int print_error_words() {
#define PRINT(name, word, error_class, meaning) \
  std::puts(std::string(eventmq::error_word(eventmq::ErrorCode::name)).c_str());
  EVENTMQ_ERROR_CODES(PRINT)
#undef PRINT
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "words") == 0) return print_error_words();
  if (argc > 1 && std::strcmp(argv[1], "send") == 0) return send_one();
  return eventmq::run_job_manager(argc, argv);
}
