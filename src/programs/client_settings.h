// How the client of a command is made from the settings.
#pragma once

#include "eventmq/client_options.h"
#include "src/settings/settings.h"

namespace eventmq {

// The heartbeats, which client and router must agree on. The address and the times to wait are flags of the command.
ClientOptions client_options(const Settings& settings);

}  // namespace eventmq
