// A load of guaranteed jobs, and a router that is killed again and again in the midst of it. Who checks is independent
// of the router: the client's own history of what it sent and what was ACKed, and the file in which each job that ran
// left a line.
//
//   emq_crash_campaign --kills 2000 --seed 7
//
// A kill takes nothing that was written from the kernel, so with emq this shows that the order is right (durable, then
// ACKed) and that recovery is; with forgetful_router it takes what was not synced. Torn and reordered writes are
// another test (src/store/sqlite_power_test.cc).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace eventmq::end_to_end {

struct CrashOptions {
  int kills = 50;
  uint64_t seed = 1;
  std::string router;  // the program that is killed; empty: emq. It is run as `<router> router`.
  // Before it is killed it is taken for dead, and another one takes its place on the same file; then it goes on.
  bool replaced = false;
  bool endless = false;  // the load goes on meanwhile, which may keep the other one from the file for some seconds
  bool fenced = true;    // the file tells its routers apart
};

struct CrashReport {
  int kills = 0;
  std::set<std::string> sent, acked;
  std::set<std::string> ran;
  size_t runs = 0;                   // more than `ran`: some ran again, as guaranteed jobs may
  std::vector<std::string> lost;     // ACKed and never run
  std::vector<std::string> unasked;  // run and never sent
  int told_beside = 0;               // routers that went on ACKing when another had taken their place
  std::vector<std::string> unsound;  // what `emq verify` said of the file after a kill, where it was not sound
  bool settled = false;              // in the end the router held nothing, and its counts were conserved

  std::string text() const;
};

// Fails the GoogleTest in which it runs if the system does not come up again.
CrashReport run_crash_campaign(const CrashOptions& options);

}  // namespace eventmq::end_to_end
