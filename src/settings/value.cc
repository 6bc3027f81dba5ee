#include "src/settings/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/settings/text.h"
#include "src/wire/names.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

bool parts_items(char c) { return c == ',' || std::isspace(static_cast<unsigned char>(c)); }

// Items between commas and blanks.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  std::string item;
  for (char c : text) {
    if (!parts_items(c)) {
      item.push_back(c);
    } else if (!item.empty()) {
      items.push_back(std::exchange(item, {}));
    }
  }
  if (!item.empty()) items.push_back(item);
  return items;
}

// The same, where an item may stand in quotes, single or double, to have blanks and commas.
Result<std::vector<std::string>> split_quoted(const Setting& setting, std::string_view text, std::string_view example) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const char first = text.front();
    const bool quoted = first == '"' || first == '\'';
    if (quoted || parts_items(first)) text.remove_prefix(1);
    if (!quoted && parts_items(first)) continue;
    const auto end = quoted ? std::ranges::find(text, first) : std::ranges::find_if(text, parts_items);
    if (quoted && end == text.end()) {
      return bad_value(fmt::format("{}: a quote is not closed; write \"{}\"", setting.name, example));
    }
    items.emplace_back(text.begin(), end);
    text.remove_prefix(items.back().size() + (quoted ? 1 : 0));
  }
  return items;
}

Result<SettingValue> parse_texts(const Setting& setting, std::string_view text) {
  return split_quoted(setting, text, "/a path/with blanks.so").map([](auto items) { return SettingValue(items); });
}

std::string texts_text(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    const bool plain = std::ranges::none_of(item, parts_items) && !item.starts_with('"') && !item.starts_with('\'');
    const std::string_view quote = plain ? "" : item.find('"') == std::string::npos ? "\"" : "'";
    text += fmt::format("{}{}{}{}", text.empty() ? "" : ",", quote, item, quote);
  }
  return text;
}

// A decimal number and the letters behind it ("1.5h").
std::optional<std::pair<double, std::string>> number_and_unit(std::string_view text) {
  const std::string_view trimmed = trim(text);
  double number = 0;
  const auto [end, error] =
      std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  return std::pair(number, lower(trim({end, static_cast<size_t>(trimmed.data() + trimmed.size() - end)})));
}

struct Unit {
  std::string_view word;
  double factor;
};

std::optional<double> times_unit(std::string_view text, std::span<const Unit> units) {
  const auto parts = number_and_unit(text);
  if (!parts) return std::nullopt;
  for (const Unit& unit : units) {
    if (parts->second == unit.word) return parts->first * unit.factor;
  }
  return std::nullopt;
}

constexpr Unit kTimeUnits[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86'400}};
constexpr double kKibi = 1024;
constexpr Unit kByteUnits[] = {{"", 1},
                               {"b", 1},
                               {"k", kKibi},
                               {"kb", kKibi},
                               {"kib", kKibi},
                               {"m", kKibi* kKibi},
                               {"mb", kKibi* kKibi},
                               {"mib", kKibi* kKibi},
                               {"g", kKibi* kKibi* kKibi},
                               {"gb", kKibi* kKibi* kKibi},
                               {"gib", kKibi* kKibi* kKibi},
                               {"t", kKibi* kKibi* kKibi* kKibi},
                               {"tb", kKibi* kKibi* kKibi* kKibi},
                               {"tib", kKibi* kKibi* kKibi* kKibi}};

std::string seconds_text(Duration duration) {
  std::string text = fmt::format("{:.6f}", duration.seconds());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string bytes_text(uint64_t count) {
  static constexpr std::array<std::string_view, 5> kUnits = {"", "K", "M", "G", "T"};
  size_t unit = 0;
  while (count > 0 && count % 1024 == 0 && unit + 1 < kUnits.size()) {
    count /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", count, kUnits[unit]);
}

Result<SettingValue> parse_yes_no(const Setting& setting, std::string_view text) {
  const std::string word = lower(trim(text));
  for (std::string_view yes : {"yes", "true", "on", "1", "y", "t"}) {
    if (word == yes) return true;
  }
  for (std::string_view no : {"no", "false", "off", "0", "n", "f"}) {
    if (word == no) return false;
  }
  return bad_value(fmt::format("{} must be yes or no, not \"{}\"", setting.name, text));
}

Result<SettingValue> parse_choice(const Setting& setting, std::string_view text) {
  const std::string word = lower(trim(text));
  std::vector<std::string> choices;
  for (std::string_view left = setting.choices; !left.empty();) {
    const size_t end = std::min(left.find('|'), left.size());
    choices.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  if (std::ranges::find(choices, word) != choices.end()) return word;
  return bad_value(fmt::format("{} must be {}, not \"{}\"", setting.name, fmt::join(choices, " or "), text));
}

Result<SettingValue> parse_setting_seconds(const Setting& setting, std::string_view text) {
  const auto parsed = parse_seconds(text);
  if (!parsed || parsed->seconds() < setting.min || parsed->seconds() > setting.max) {
    return bad_value(fmt::format("{} must be seconds from {} to {}, as in 5, 0.5 or 10m, not \"{}\"", setting.name,
                                 setting.min, setting.max, text));
  }
  return *parsed;
}

Result<SettingValue> parse_setting_count(const Setting& setting, std::string_view text) {
  const auto parsed = parse_count(text);
  if (!parsed || static_cast<double>(*parsed) < setting.min || static_cast<double>(*parsed) > setting.max) {
    return bad_value(fmt::format("{} must be a whole number from {:.0f} to {:.0f}, not \"{}\"", setting.name,
                                 setting.min, setting.max, text));
  }
  return *parsed;
}

Result<SettingValue> parse_bytes(const Setting& setting, std::string_view text) {
  const auto parsed = parse_size(text);
  if (!parsed || static_cast<double>(*parsed) < setting.min || static_cast<double>(*parsed) > setting.max) {
    return bad_value(fmt::format("{} must be a size from {} to {}, as in 4096, 32M or 1G, not \"{}\"", setting.name,
                                 bytes_text(static_cast<uint64_t>(setting.min)),
                                 bytes_text(static_cast<uint64_t>(setting.max)), text));
  }
  return *parsed;
}

Result<SettingValue> parse_text(const Setting& setting, std::string_view text) {
  const std::string_view trimmed = trim(text);
  const bool has_control = std::ranges::any_of(trimmed, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control) return bad_value(fmt::format("{} must not hold control characters", setting.name));
  if (trimmed.size() > 1 && trimmed.front() == trimmed.back() && (trimmed.front() == '"' || trimmed.front() == '\'')) {
    return bad_value(fmt::format("{}: leave the quotes out, as in {} = {}", setting.name, setting.name,
                                 trim(trimmed.substr(1, trimmed.size() - 2))));
  }
  if (setting.name == "name" && !trimmed.empty() && !is_node_name(trimmed)) {
    return bad_value(fmt::format("name must be at most {} printable ASCII characters without blanks and commas",
                                 limits::kRoutingIdBytes));
  }
  if (setting.name == "data_dir" && trimmed.empty()) {
    return bad_value("data_dir is empty: set it to a folder for the router's data, or leave it out");
  }
  if (setting.name == "data_dir" && (trimmed == "~" || trimmed.starts_with("~/"))) {
    return bad_value("data_dir: only a shell knows what ~ stands for: write the whole path, as in /srv/eventmq");
  }
  if (const auto fault = queue_name_fault(trimmed); fault && setting.name == "default_queue_name") {
    return bad_value(fmt::format("default_queue_name: {} {}", in_quotes(trimmed), fault->text));
  }
  return std::string(trimmed);
}

// The port of the setting's default address; addresses without a default are a router's backend.
std::string_view port_of(const Setting& setting) {
  const std::string_view address = setting.default_text;
  return address.empty() ? "47290" : address.substr(address.rfind(':') + 1);
}

Result<SettingValue> parse_address(const Setting& setting, std::string_view text, bool may_be_wildcard) {
  const std::string_view trimmed = trim(text);
  if (trimmed.empty() && setting.default_text.empty()) return std::string();
  if (auto checked = check_socket_address(trimmed, may_be_wildcard, port_of(setting)); !checked) {
    return bad_value(fmt::format("{}: {}", setting.name, checked.error().text));
  }
  return std::string(trimmed);
}

Result<SettingValue> parse_addresses(const Setting& setting, std::string_view text) {
  Result<std::vector<std::string>> addresses = split_quoted(setting, text, "ipc:///a path/with blanks");
  if (!addresses) return tl::unexpected<Error>(std::move(addresses.error()));
  if (addresses->empty()) return bad_value(fmt::format("{} must name at least one address", setting.name));
  for (const std::string& address : *addresses) {
    if (auto checked = check_socket_address(address, false, port_of(setting)); !checked) {
      return bad_value(fmt::format("{}: {}", setting.name, checked.error().text));
    }
  }
  return *std::move(addresses);
}

// [[10, "default"], "other"]
std::optional<std::vector<QueueSetting>> queues_from_json(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return std::nullopt;
  std::vector<QueueSetting> queues;
  for (const auto& item : json) {
    if (item.is_string()) {
      queues.push_back({item.get<std::string>()});
    } else if (item.is_array() && item.size() == 2 && item[0].is_number_unsigned() && item[1].is_string()) {
      queues.push_back(
          {item[1].get<std::string>(), static_cast<int64_t>(std::min<uint64_t>(item[0].get<uint64_t>(), 1ull << 40))});
    } else {
      return std::nullopt;
    }
  }
  return queues;
}

// 10,default 20,high or bare names, separated by blanks or commas. A number is a name only behind a weight.
Result<std::vector<QueueSetting>> queues_from_words(std::string_view text) {
  std::vector<QueueSetting> queues;
  const std::vector<std::string> items = split_list(text);
  for (size_t at = 0; at < items.size(); ++at) {
    const auto weight = parse_count(items[at]);
    if (weight && at + 1 < items.size() && *weight <= 1ull << 40) {
      queues.push_back({items[++at], static_cast<int64_t>(*weight)});
    } else if (weight) {
      return bad_value(fmt::format("weight {} stands before no name; write 10,default 20,high", items[at]));
    } else {
      queues.push_back({items[at]});
    }
    const std::string& name = queues.back().name;
    if (const auto fault = bare_queue_name_fault(name)) return bad_value(fmt::format("\"{}\" {}", name, fault->text));
  }
  return queues;
}

Result<SettingValue> parse_queues(const Setting& setting, std::string_view text) {
  constexpr int64_t kWeightMax = 1'000'000;
  const std::string_view trimmed = trim(text);
  std::optional<std::vector<QueueSetting>> queues;
  if (trimmed.starts_with('[')) {
    queues = queues_from_json(trimmed);
  } else {
    auto words = queues_from_words(trimmed);
    if (!words) return bad_value(fmt::format("{}: {}", setting.name, words.error().text));
    queues = *std::move(words);
  }
  if (!queues || queues->empty()) {
    return bad_value(fmt::format("{} must be [[10, \"default\"], [20, \"high\"]] or 10,default 20,high, not \"{}\"",
                                 setting.name, text));
  }
  for (const QueueSetting& queue : *queues) {
    if (queue.weight > kWeightMax) {
      return bad_value(fmt::format("{}: the weight of \"{}\" must be a whole number from 0 to {}", setting.name,
                                   queue.name, kWeightMax));
    }
    if (const auto fault = queue_name_fault(queue.name)) {
      return bad_value(fmt::format("{}: {} {}", setting.name, in_quotes(queue.name), fault->text));
    }
    if (std::ranges::count(*queues, queue.name, &QueueSetting::name) > 1) {
      return bad_value(fmt::format("{} names \"{}\" twice: keep one", setting.name, queue.name));
    }
  }
  if (queues->size() > limits::kQueuesPerInform) {
    return bad_value(fmt::format("{} must name at most {} queues", setting.name, limits::kQueuesPerInform));
  }
  return *std::move(queues);
}

}  // namespace

Result<Duration> parse_seconds(std::string_view text) {
  const auto seconds = times_unit(text, kTimeUnits);
  if (seconds && *seconds > limits::kHeaderDuration.seconds()) {
    return bad_value(fmt::format("\"{}\" is too long; at most {:.0f} seconds (ten years) can be asked for", text,
                                 limits::kHeaderDuration.seconds()));
  }
  if (!seconds || *seconds < 0) {
    return bad_value(fmt::format("\"{}\" is no number of seconds; write 5, 0.5, 500ms, 10m, 2h or 7d", text));
  }
  return Duration{std::llround(*seconds * 1e6)};
}

Result<uint64_t> parse_count(std::string_view text) {
  const std::string_view trimmed = trim(text);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  if (error != std::errc() || end != trimmed.data() + trimmed.size()) {
    return bad_value(fmt::format("\"{}\" is no whole number", text));
  }
  return number;
}

Result<uint64_t> parse_size(std::string_view text) {
  constexpr double kMost = 1e18;
  const auto size = times_unit(text, kByteUnits);
  if (!size || *size < 0 || *size > kMost)
    return bad_value(fmt::format("\"{}\" is no size; write 4096, 32M or 1G", text));
  return static_cast<uint64_t>(*size);
}

namespace {

// [HOST] and PORT of HOST:PORT; the port is empty if there is none.
std::pair<std::string_view, std::string_view> host_and_port(std::string_view text) {
  const size_t colon = text.ends_with(']') ? std::string_view::npos : text.rfind(':');
  if (colon == std::string_view::npos) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// What is wrong with the text as the part after tcp://; nothing if it is right.
std::optional<std::string> host_port_fault(std::string_view text, bool may_be_wildcard) {
  const auto [host, port] = host_and_port(text);
  if (host.empty()) return "lacks a host";
  if (port.empty()) return "lacks a port";
  if (!may_be_wildcard && (host == "*" || port == "*" || port == "0")) {
    return "can be listened on but not connected to";
  }
  if (host.find(':') != std::string_view::npos && !(host.starts_with('[') && host.ends_with(']'))) {
    return "has an IPv6 host without brackets";
  }
  if (port == "*") return std::nullopt;
  const auto number = parse_count(port);
  if (!number || *number == 0 || *number > 65'535) return "has a port that is no number from 1 to 65535";
  return std::nullopt;
}

// The nearest thing to what was typed that is an address.
std::string address_near(std::string_view typed, bool may_be_wildcard, std::string_view port) {
  if (const size_t scheme = typed.find("://"); scheme != std::string_view::npos) {
    typed = typed.starts_with("tcp://") ? typed.substr(6) : "";
  }
  const bool odd = std::ranges::any_of(typed, [](char c) { return c == '/' || c == '@' || c == ' ' || c == '"'; });
  if (odd) typed = "";
  const auto [host, given] = host_and_port(typed);
  std::string near;
  if (std::ranges::count(typed, ':') > 1 && !typed.starts_with('[')) {
    const bool has_port = host.find("::") != std::string_view::npos;
    near = has_port ? fmt::format("[{}]:{}", host, given) : fmt::format("[{}]:{}", typed, port);
  } else {
    const bool good_host = !host.empty() && (may_be_wildcard || host != "*");
    const bool good_port = !host_port_fault(fmt::format("x:{}", given), may_be_wildcard);
    near = fmt::format("{}:{}", good_host ? host : "127.0.0.1", good_port ? given : port);
  }
  if (!host_port_fault(near, may_be_wildcard)) return "tcp://" + near;
  return fmt::format("tcp://127.0.0.1:{}", port);
}

}  // namespace

Result<void> check_socket_address(std::string_view text, bool may_be_wildcard, std::string_view port) {
  constexpr std::string_view kIpc = "ipc://";
  if (text.starts_with(kIpc) && text.size() > kIpc.size()) {
    if (text.find(',') != text.npos) {
      return bad_value(fmt::format("\"{}\" has a comma, which parts addresses: choose a path without one", text));
    }
    if (text.size() - kIpc.size() <= limits::kSocketPathBytes) return {};
    return bad_value(
        fmt::format("\"{}\" has a path of {} bytes: choose one of at most {}, which is all that the system takes", text,
                    text.size() - kIpc.size(), limits::kSocketPathBytes));
  }
  const std::optional<std::string> fault =
      text.starts_with("tcp://") ? host_port_fault(text.substr(6), may_be_wildcard) : "is no address";
  if (!fault) return {};
  return bad_value(fmt::format("\"{}\" {}; write {}", text, *fault, address_near(text, may_be_wildcard, port)));
}

Result<SettingValue> parse_value(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case SettingType::kText:
      return parse_text(setting, text);
    case SettingType::kListenAddress:
      return parse_address(setting, text, true);
    case SettingType::kConnectAddress:
      return parse_address(setting, text, false);
    case SettingType::kConnectAddresses:
      return parse_addresses(setting, text);
    case SettingType::kSeconds:
      return parse_setting_seconds(setting, text);
    case SettingType::kCount:
      return parse_setting_count(setting, text);
    case SettingType::kBytes:
      return parse_bytes(setting, text);
    case SettingType::kYesNo:
      return parse_yes_no(setting, text);
    case SettingType::kChoice:
      return parse_choice(setting, text);
    case SettingType::kQueues:
      return parse_queues(setting, text);
    case SettingType::kTexts:
      return parse_texts(setting, text);
  }
  return bad_value(fmt::format("{} has no type", setting.name));
}

std::string value_text(const Setting& setting, const SettingValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* duration = std::get_if<Duration>(&value)) return seconds_text(*duration);
  if (const auto* count = std::get_if<uint64_t>(&value)) {
    return setting.type == SettingType::kBytes ? bytes_text(*count) : fmt::format("{}", *count);
  }
  if (const auto* yes = std::get_if<bool>(&value)) return *yes ? "yes" : "no";
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return texts_text(*list);
  nlohmann::json json = nlohmann::json::array();
  for (const QueueSetting& queue : std::get<std::vector<QueueSetting>>(value)) {
    if (queue.weight == QueueSetting::kNoWeight) {
      json.push_back(queue.name);
    } else {
      json.push_back({queue.weight, queue.name});
    }
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace eventmq
