// Addresses as a user of the client writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace eventmq {

inline constexpr std::string_view kBrokerAddressDefault = "tcp://127.0.0.1:47291";
inline constexpr std::string_view kPublishAddressDefault = "tcp://127.0.0.1:47298";

// One or several addresses with commas between them, each made whole: "localhost" becomes tcp://localhost:47291.
// Errors: kBadValue (none is there, or one is malformed); the text quotes it.
Result<std::vector<std::string>> complete_addresses(std::string_view text, std::string_view port_default);

// The given text, or else the environment variable, or else the default.
std::string given_or_environment(const std::string& given, const char* variable, std::string_view otherwise);

}  // namespace eventmq
