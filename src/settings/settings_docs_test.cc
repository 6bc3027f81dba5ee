#include "src/settings/settings_docs.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace eventmq {
namespace {

TEST(SettingsDocsTest, ThePageIsWhatTheTableSays) {
  std::ifstream stream(EVENTMQ_SOURCE_DIR "/docs/settings.md");
  std::ostringstream page;
  page << stream.rdbuf();
  EXPECT_EQ(page.str(), settings_docs()) << "run: emq config --docs > docs/settings.md";
}

}  // namespace
}  // namespace eventmq
