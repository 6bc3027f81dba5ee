// The value of a setting: from text, checked, and back to text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/settings/setting.h"
#include "src/wire/messages.h"

namespace eventmq {

// A queue and how much this worker is for it. A weight that was not written is absent until the loader puts in
// default_queue_weight.
struct QueueSetting {
  std::string name;
  int64_t weight = kNoWeight;
  static constexpr int64_t kNoWeight = -1;
  bool operator==(const QueueSetting&) const = default;
};

// text, addresses and choices | seconds | counts and bytes | yes/no | lists | queues
using SettingValue =
    std::variant<std::string, Duration, uint64_t, bool, std::vector<std::string>, std::vector<QueueSetting>>;

// Errors: kBadValue; the text says what the value must be, for example
//   hwm must be a whole number from 1 to 1000000000, not "many"
Result<SettingValue> parse_value(const Setting& setting, std::string_view text);

// As a person would write it: parse_value() of it gives the same value.
std::string value_text(const Setting& setting, const SettingValue& value);

// "90", "1.5", "500ms", "90s", "10m", "2h", "7d" to a span of time; for flags that are no settings too.
// Errors: kBadValue when it is none of these.
Result<Duration> parse_seconds(std::string_view text);

// A whole number in decimal. Errors: kBadValue.
Result<uint64_t> parse_count(std::string_view text);

// "4096", "64K", "32M", "1G", "1.5 GiB": bytes, in powers of 1024. Errors: kBadValue.
Result<uint64_t> parse_size(std::string_view text);

// Whether the text is an address that a socket can be bound or connected to: tcp://HOST:PORT or ipc://PATH.
// Errors: kBadValue; the text says the mend, a whole address, with this port where none that fits was given.
Result<void> check_socket_address(std::string_view text, bool may_be_wildcard, std::string_view port = "47291");

}  // namespace eventmq
