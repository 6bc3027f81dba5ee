// The one table of settings. Everything that knows a setting's name, default or meaning reads it here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/settings/setting.h"

namespace eventmq {

std::span<const Setting> all_settings();

// The setting of this name or alias; null if there is none. Names are compared without regard to case.
const Setting* find_setting(std::string_view name);

// A setting of the original that has no meaning here, and what a person does instead; empty if it is none.
std::string_view retired_setting_advice(std::string_view name);
std::vector<std::string_view> retired_settings();

// The known name nearest to one that is not known; empty if none is near.
std::string nearest_setting(std::string_view name);

// "EVENTMQ_HWM".
std::string environment_name(const Setting& setting);

// The words of a space-separated list.
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace eventmq
