#include "src/programs/addresses.h"

#include "src/client/addresses.h"
#include "src/transport/address.h"

namespace eventmq {
namespace {

std::string variable(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

}  // namespace

std::string connectable(const std::string& listen_address) {
  for (const std::string any : {"tcp://*:", "tcp://0.0.0.0:", "tcp://[::]:"}) {
    if (listen_address.starts_with(any)) return "tcp://127.0.0.1:" + listen_address.substr(any.size());
  }
  return listening_place(listen_address);
}

std::string frontend_address(const std::string& typed, const std::map<std::string, std::string>& environment,
                             const Settings& settings) {
  if (!typed.empty()) return typed;
  if (std::string broker = variable(environment, "EMQ_BROKER_ADDR"); !broker.empty()) return broker;
  return connectable(settings.text("frontend_listen_addr"));
}

std::string administrative_address(const std::string& typed, const std::map<std::string, std::string>& environment,
                                   const Settings& settings) {
  if (!typed.empty()) return typed;
  if (std::string admin = variable(environment, "EMQ_ADMIN_ADDR"); !admin.empty()) return admin;
  std::string address = connectable(settings.text("administrative_listen_addr"));
  if (settings.is_set("administrative_listen_addr")) return address;
  const std::string broker = variable(environment, "EMQ_BROKER_ADDR");
  const auto addresses = complete_addresses(broker, "47291");
  if (!addresses || !addresses->front().starts_with("tcp://")) return address;
  const std::string& first = addresses->front();
  return first.substr(0, first.rfind(':')) + address.substr(address.rfind(':'));
}

}  // namespace eventmq
