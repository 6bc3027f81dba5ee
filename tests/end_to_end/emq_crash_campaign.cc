// The crash campaign by hand: emq_crash_campaign [--kills N] [--seed N] [--router PROGRAM] [--replacements N]. Exit
// code 1 if anything was lost, or a file not sound, or two routers told of commits at one time.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/end_to_end/crash_campaign.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  eventmq::end_to_end::CrashOptions options;
  for (int at = 1; at + 1 < argc; at += 2) {
    const std::string_view flag = argv[at];
    if (flag == "--kills") options.kills = std::atoi(argv[at + 1]);
    if (flag == "--router") options.router = argv[at + 1];
    if (flag == "--replacements") {
      options.kills = std::atoi(argv[at + 1]);
      options.replaced = options.endless = true;
    }
    if (flag == "--seed") options.seed = std::strtoull(argv[at + 1], nullptr, 10);
  }
  const auto report = eventmq::end_to_end::run_crash_campaign(options);
  std::printf("%s\n", report.text().c_str());
  const bool good = report.kills == options.kills && report.lost.empty() && report.unasked.empty() &&
                    report.unsound.empty() && report.told_beside == 0 && report.settled;
  return good ? 0 : 1;
}
