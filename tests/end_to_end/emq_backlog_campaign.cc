// A large backlog by hand: emq_backlog_campaign [--jobs N] [--taken N] [--payload BYTES]. Exit code 1 if a job was
// missing or out of order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/end_to_end/backlog_campaign.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  eventmq::end_to_end::BacklogOptions options;
  for (int at = 1; at + 1 < argc; at += 2) {
    const std::string_view flag = argv[at];
    const uint64_t value = std::strtoull(argv[at + 1], nullptr, 10);
    if (flag == "--jobs") options.jobs = value;
    if (flag == "--taken") options.taken = value;
    if (flag == "--payload") options.payload_bytes = value;
  }
  options.taken = std::min(options.taken, options.jobs);
  const auto report = eventmq::end_to_end::run_backlog_campaign(options);
  std::printf("%s\n", report.text().c_str());
  const bool good = report.fault.empty() && report.found == options.jobs && report.out_of_order == 0;
  return good ? 0 : 1;
}
