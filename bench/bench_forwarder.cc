// The router beside a bare ROUTER-to-ROUTER forwarder, in one run: emq_bench_forwarder [seconds per measurement].
#include <cstdio>
#include <cstdlib>

#include "src/runtime/bench.h"

int main(int argc, char** argv) {
  eventmq::BenchOptions options;
  if (argc > 1) {
    const double seconds = std::atof(argv[1]);
    if (argc > 2 || seconds <= 0 || seconds > 3600) {
      std::fprintf(stderr, "usage: emq_bench_forwarder [seconds per measurement, up to 3600]\n");
      return 2;
    }
    options.measured = eventmq::seconds_of(seconds);
  }
  const eventmq::Result<eventmq::BenchReport> report = eventmq::run_bench(options);
  if (!report) {
    std::fprintf(stderr, "%s\n", report.error().text.c_str());
    return 1;
  }
  std::fputs(eventmq::bench_text(*report).c_str(), stdout);
  return 0;
}
