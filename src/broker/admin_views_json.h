// For the files of AdminViews alone: its JSON.
#pragma once

#include <nlohmann/json.hpp>

#include "src/broker/admin_views.h"

namespace eventmq {

struct AdminViews::Json {
  nlohmann::ordered_json value;
};

}  // namespace eventmq
