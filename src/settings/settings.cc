#include "src/settings/settings.h"

#include <algorithm>
#include <array>

#include "src/base/assert.h"

namespace eventmq {
namespace {

template <class T>
const T& value_as(const Settings& settings, std::string_view name) {
  const T* value = std::get_if<T>(&settings.in_force(name).value);
  EMQ_ASSERT(value != nullptr, "setting {} has another type", name);
  return *value;
}

bool is_of(const Setting& setting, Section program) {
  return setting.section == Section::kGlobal || setting.section == program;
}

}  // namespace

std::string_view setting_source_word(SettingSource source) {
  static constexpr std::array<std::string_view, 4> kWords = {"default", "file", "environment", "flag"};
  return kWords[static_cast<size_t>(source)];
}

Settings::Settings(std::vector<SettingInForce> values) : values_(std::move(values)) {}

const SettingInForce& Settings::in_force(std::string_view name) const {
  const auto found = std::ranges::find_if(values_, [name](const auto& value) { return value.setting->name == name; });
  EMQ_ASSERT(found != values_.end(), "no setting {}", name);
  return *found;
}

const std::string& Settings::text(std::string_view name) const { return value_as<std::string>(*this, name); }
Duration Settings::duration(std::string_view name) const { return value_as<Duration>(*this, name); }
uint64_t Settings::count(std::string_view name) const { return value_as<uint64_t>(*this, name); }
bool Settings::is_on(std::string_view name) const { return value_as<bool>(*this, name); }

const std::vector<std::string>& Settings::list(std::string_view name) const {
  return value_as<std::vector<std::string>>(*this, name);
}

std::vector<QueueWeight> Settings::queues(std::string_view name) const {
  std::vector<QueueWeight> queues;
  for (const QueueSetting& queue : value_as<std::vector<QueueSetting>>(*this, name)) {
    queues.push_back({.weight = static_cast<uint32_t>(queue.weight), .name = Bytes(queue.name)});
  }
  return queues;
}

void Settings::keep_until_restart(const Settings& running) {
  for (SettingInForce& value : values_) {
    if (!value.setting->reloadable) value = running.in_force(value.setting->name);
  }
}

std::vector<std::string> router_addresses(const Settings& settings) {
  std::vector<std::string> addresses;
  if (settings.is_set("connect_addr") || settings.text("worker_addr_default").empty()) {
    addresses = settings.list("connect_addr");
  }
  for (std::string_view name : {"worker_addr_default", "worker_addr_failover"}) {
    const std::string& address = settings.text(name);
    if (!address.empty() && std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  return addresses;
}

std::string start_hook(const Settings& settings) {
  if (!settings.text("subprocess_setup_func").empty()) return settings.text("subprocess_setup_func");
  const std::string& path = settings.text("setup_path");
  const std::string& callable = settings.text("setup_callable");
  return path.empty() || callable.empty() ? callable : path + "." + callable;
}

std::vector<std::string> changes_that_need_restart(const Settings& before, const Settings& after, Section program) {
  std::vector<std::string> names;
  for (const SettingInForce& old : before.all()) {
    if (old.setting->reloadable || !is_of(*old.setting, program)) continue;
    if (old.value != after.in_force(old.setting->name).value) names.emplace_back(old.setting->name);
  }
  return names;
}

bool has_live_changes(const Settings& before, const Settings& after, Section program) {
  return std::ranges::any_of(before.all(), [&](const SettingInForce& old) {
    return old.setting->reloadable && is_of(*old.setting, program) &&
           old.value != after.in_force(old.setting->name).value;
  });
}

}  // namespace eventmq
