// The settings as the router's parts take them.
#pragma once

#include "src/runtime/router_loop.h"
#include "src/settings/settings.h"

namespace eventmq {

BrokerSettings broker_settings(const Settings& settings);
LiveRouterSettings live_router_settings(const Settings& settings);
RouterSettings router_settings(const Settings& settings);

}  // namespace eventmq
