// docs/settings.md, from the table.
#pragma once

#include <string>

namespace eventmq {

std::string settings_docs();

}  // namespace eventmq
