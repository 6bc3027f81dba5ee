// For the tests of tests: a file that no longer tells its routers apart.
#pragma once

#include <string>

namespace eventmq {

// From outside, of the file that a router has open: from now on every router that opens it gets the epoch of the first.
// `vfs` as for SqliteDatabase.
void take_fence_away_from(const std::string& folder, const std::string& vfs = {});

}  // namespace eventmq
