// Which folder may include which: includes point one way, so that the core never learns of sockets.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/tidy/source_tree.h"

namespace eventmq::tidy {
namespace {

using Names = std::set<std::string>;

// A folder of src, and the folders of src that it may include besides itself. Public headers
// (include/eventmq) are open to all.
const std::map<std::string, Names>& allowed_includes() {
  static const std::map<std::string, Names> allowed = {
      {"base", {}},
      {"wire", {"base"}},
      {"codec", {"base", "wire"}},
      {"broker", {"base", "wire"}},
      {"schedule", {"base"}},
      {"store", {"base", "wire"}},
      {"zmtp", {"base", "wire"}},
      {"transport", {"base", "wire", "zmtp"}},
      {"session", {"base", "wire"}},
      {"settings", {"base", "wire"}},
      {"executor", {"base", "wire"}},
      {"runtime", {"base", "wire", "codec", "broker", "store", "transport", "session", "executor"}},
      {"client", {"base", "wire", "codec", "transport", "session"}},
      {"programs",
       {"base", "wire", "codec", "broker", "schedule", "store", "transport", "session", "settings", "executor",
        "runtime", "client"}},
  };
  return allowed;
}

// Libraries whose names only some folders may know, so that each can be replaced in one place.
const std::map<std::string, Names>& library_owners() {
  static const std::map<std::string, Names> owners = {
      {"zmq", {"transport"}},      {"sqlite3", {"store"}},  {"CLI/", {"programs"}},
      {"INIReader", {"settings"}}, {"ini.h", {"settings"}},
  };
  return owners;
}

std::string listed(const Names& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "nothing else of src" : text;
}

std::string folder_of_include(const std::string& include) {
  if (!include.starts_with("src/")) return {};
  return include.substr(4, include.find('/', 4) - 4);
}

TEST(LayersTest, EveryFolderOfSrcHasItsPlaceInTheTable) {
  Names unknown;
  for (const auto& file : cpp_files()) {
    if (file.is_under("src") && !allowed_includes().contains(file.layer())) unknown.insert(file.layer());
  }
  EXPECT_TRUE(unknown.empty()) << "say in " << __FILE__ << " what these may include: " << listed(unknown);
}

TEST(LayersTest, IncludesPointOneWay) {
  std::vector<std::string> complaints;
  for (const auto& file : cpp_files()) {
    const auto allowed = allowed_includes().find(file.layer());
    if (file.is_test() || allowed == allowed_includes().end()) continue;
    for (const auto& include : includes_of(file)) {
      const std::string to = folder_of_include(include.name);
      if (to.empty() || to == file.layer() || allowed->second.contains(to)) continue;
      complaints.push_back(file.path + ":" + std::to_string(include.line) + ": src/" + file.layer() + " may include " +
                           listed(allowed->second) + "; not " + include.name);
    }
  }
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST(LayersTest, PublicHeadersStandOnPublicHeaders) {
  std::vector<std::string> complaints;
  for (const auto& file : cpp_files()) {
    if (!file.is_under("include")) continue;
    for (const auto& include : includes_of(file)) {
      if (!include.name.starts_with("src/")) continue;
      complaints.push_back(file.path + ":" + std::to_string(include.line) +
                           ": an installed header may include eventmq/*.h; not " + include.name);
    }
  }
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST(LayersTest, TestHelpersStayOutOfTheProduct) {
  std::vector<std::string> complaints;
  for (const auto& file : cpp_files()) {
    if (file.is_test() || !(file.is_under("src") || file.is_under("include"))) continue;
    for (const auto& include : includes_of(file)) {
      if (include.name.starts_with("testing/") || include.name.find("/testing/") != std::string::npos ||
          include.name.starts_with("sim/") || include.name.starts_with("tests/")) {
        complaints.push_back(file.path + ":" + std::to_string(include.line) + ": only tests include " + include.name);
      }
    }
  }
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST(LayersTest, LibrariesAreKnownInOneFolderOnly) {
  std::vector<std::string> complaints;
  for (const auto& file : cpp_files()) {
    if (file.is_test() || !file.is_under("src")) continue;
    for (const auto& include : includes_of(file)) {
      for (const auto& [library, folders] : library_owners()) {
        if (!include.name.starts_with(library) || folders.contains(file.layer())) continue;
        complaints.push_back(file.path + ":" + std::to_string(include.line) + ": " + include.name + " belongs to src/" +
                             listed(folders));
      }
    }
  }
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

// Each of these costs a second of compiling in every source that sees it.
TEST(LayersTest, HeavyHeadersStayOutOfOurHeaders) {
  static const Names heavy = {"nlohmann/json.hpp", "CLI/CLI.hpp", "zmq.hpp", "zmq_addon.hpp",
                              "spdlog/spdlog.h",   "regex",       "iostream"};
  std::vector<std::string> complaints;
  for (const auto& file : cpp_files()) {
    if (!file.is_header() || file.is_test() || !file.is_under("src")) continue;
    for (const auto& include : includes_of(file)) {
      if (!heavy.contains(include.name)) continue;
      complaints.push_back(file.path + ":" + std::to_string(include.line) + ": include " + include.name +
                           " in the source; declare, or use nlohmann/json_fwd.hpp, here");
    }
  }
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

}  // namespace
}  // namespace eventmq::tidy
