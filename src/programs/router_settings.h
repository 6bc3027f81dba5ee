// The settings as the router's parts take them.
#pragma once

#include "src/runtime/router_loop.h"
#include "src/settings/settings.h"

namespace eventmq {

BrokerSettings broker_settings(const Settings& settings);
LiveRouterSettings live_router_settings(const Settings& settings);
RouterSettings router_settings(const Settings& settings);
// Whether the router's sockets can all be listened on beside each other. Errors: kBadValue; it names both settings.
Result<void> check_listen_addresses(const Settings& settings);

}  // namespace eventmq
