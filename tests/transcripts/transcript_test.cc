// Every transcript of this folder still comes out as it is written. After a change that is meant, rewrite them with
// EVENTMQ_REWRITE=1 and read the difference before you commit it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/transcripts/transcript.h"

namespace eventmq::transcripts {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(EVENTMQ_SOURCE_DIR "/tests/transcripts")) {
    const bool script = entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists";
    if (script) found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string path_of(const std::string& name) { return EVENTMQ_SOURCE_DIR "/tests/transcripts/" + name + ".txt"; }

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class TranscriptTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TranscriptTest, ComesOutAsWritten) {
  const std::string path = path_of(GetParam());
  const std::string written = read(path);
  const std::string found = run(written);
  const char* rewrite = std::getenv("EVENTMQ_REWRITE");
  if (rewrite && std::string(rewrite) == "1") {
    if (found != written) std::ofstream(path, std::ios::binary) << found;
    return;
  }
  EXPECT_EQ(written, found) << path << " differs; if that is meant: EVENTMQ_REWRITE=1";
}

INSTANTIATE_TEST_SUITE_P(All, TranscriptTest, ::testing::ValuesIn(names()),
                         [](const auto& given) { return given.param; });

TEST(TranscriptRunnerTest, LeavesOutWhatCameOfItLastTime) {
  const std::string fresh = run("c1 > REQUEST | j1 | q | (empty) | x\n");
  EXPECT_EQ(fresh, "c1 > REQUEST | j1 | q | (empty) | x\n    c1 < ACK | * | j1\n");
  EXPECT_EQ(run(fresh), fresh);
}

TEST(TranscriptRunnerTest, RefusesALineThatItDoesNotUnderstand) {
  EXPECT_THROW(run("nonsense\n"), std::runtime_error);
  EXPECT_THROW(run("tick soon\n"), std::runtime_error);
  EXPECT_THROW(run("settings colour=red\n"), std::runtime_error);
}

}  // namespace
}  // namespace eventmq::transcripts
