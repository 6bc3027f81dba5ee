// Reads the settings file: sections in brackets, `name = value` lines, comments that begin with # or ;.
//
//   [jobmanager]
//   queues = [[20, "heavy"],
//             [10, "default"]]
//
// A line that is indented deeper than the name before it goes on with its value, as Python's configparser reads it;
// lines of comments and empty lines may stand between. A whole section may thus be indented. A comment stands on a line
// of its own, or after a value behind " ;" or " #" outside quotes. Lines may be of any length, and every entry keeps
// its line number, which is why this is not inih (docs/decisions/2026-11-22-settings-and-command-line.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace eventmq {

struct IniEntry {
  std::string section;  // as written, lower case; empty before the first section line
  std::string name;     // as written
  std::string value;    // without the blanks around it
  int line = 0;         // of the name
};

// Errors: kBadValue; the text begins with "<path>:<line>: ".
Result<std::vector<IniEntry>> parse_ini(std::string_view text, const std::string& path);

}  // namespace eventmq
