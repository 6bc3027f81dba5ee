// The store that the settings ask for.
#pragma once

#include <memory>

#include "src/settings/settings.h"
#include "src/store/store.h"

namespace eventmq {

// Errors: of SqliteStore::open, naming the settings that mend it.
Result<std::unique_ptr<Store>> open_store(const Settings& settings);

// That what kept the durable store from being opened or read may pass, by itself or by a hand at the file or its disk,
// and is not in the settings.
bool store_fault_may_pass(const Error& error, const Settings& settings);
// One that is tried again until it can be opened (late_store.h).
std::unique_ptr<Store> open_store_later(const Settings& settings, const Error& fault);

}  // namespace eventmq
