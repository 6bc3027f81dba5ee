// Where a command finds the router.
#pragma once

#include <string>

#include "src/settings/settings.h"

namespace eventmq {

// A listening address as one connects to it from the same machine: every interface becomes 127.0.0.1, and
// one that is named its address.
std::string connectable(const std::string& listen_address);

// The frontend: `typed` (of --broker), EMQ_BROKER_ADDR, or frontend_listen_addr.
std::string frontend_address(const std::string& typed, const std::map<std::string, std::string>& environment,
                             const Settings& settings);

// The administrative socket: `typed` (of --addr), EMQ_ADMIN_ADDR, administrative_listen_addr if it is set, its default
// port on the host of EMQ_BROKER_ADDR, or administrative_listen_addr.
std::string administrative_address(const std::string& typed, const std::map<std::string, std::string>& environment,
                                   const Settings& settings);

}  // namespace eventmq
