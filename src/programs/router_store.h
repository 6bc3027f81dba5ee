// The store that the settings ask for.
#pragma once

#include <memory>

#include "src/settings/settings.h"
#include "src/store/store.h"

namespace eventmq {

// Errors: of SqliteStore::open, naming the settings that mend it.
Result<std::unique_ptr<Store>> open_store(const Settings& settings);

}  // namespace eventmq
