// What a running program does at SIGHUP.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/settings/settings.h"

namespace eventmq {

// Loads them while a program runs that has read `file_before` (Settings::file). Errors: those of load_settings(), and
// kSystem when that was a default file and is gone.
Result<Settings> load_again(const LoadRequest& request, const std::string& file_before);

// Reads the settings again into `current`, and logs what came of it, also which changes `program` ("router") must be
// started again for: those stay as they are, and are told each time. True if any takes effect now. Errors: those of
// load_again(); nothing has changed then.
Result<bool> read_settings_again(const LoadRequest& request, std::string_view program, Settings& current);

// The plug-ins of a job manager as files, to notice that one was built anew under its old name.
class PluginFiles {
 public:
  explicit PluginFiles(const std::vector<std::string>& paths) : known_(look(paths)) {}

  // Those that are other files than at the last look; one that is gone, or was not there then, is none.
  std::vector<std::string> rebuilt(const std::vector<std::string>& paths);

 private:
  using Times = std::map<std::string, std::filesystem::file_time_type>;
  static Times look(const std::vector<std::string>& paths);

  Times known_;
};

}  // namespace eventmq
