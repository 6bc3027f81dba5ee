#include "src/client/addresses.h"

#include <algorithm>
#include <cstdlib>

#include "src/transport/address.h"
#include "src/wire/text.h"

namespace eventmq {
namespace {

bool has_port(std::string_view host_and_port) {
  const size_t colon = host_and_port.rfind(':');
  const size_t bracket = host_and_port.rfind(']');
  return colon != host_and_port.npos && (bracket == host_and_port.npos || colon > bracket);
}

std::string complete_address(std::string_view text, std::string_view port_default) {
  constexpr std::string_view kTcp = "tcp://";
  const bool has_scheme = text.find("://") != text.npos;
  if (has_scheme && !text.starts_with(kTcp)) return std::string(text);
  std::string rest(has_scheme ? text.substr(kTcp.size()) : text);
  const bool is_bare_ipv6 = !rest.starts_with('[') && std::count(rest.begin(), rest.end(), ':') > 1;
  if (is_bare_ipv6) rest = '[' + rest + ']';
  if (!has_port(rest)) rest += ':' + std::string(port_default);
  return std::string(kTcp) + rest;
}

}  // namespace

Result<std::vector<std::string>> complete_addresses(std::string_view text, std::string_view port_default) {
  std::vector<std::string> addresses;
  CommaList list(text);
  for (std::string_view item; list.next(item);) {
    if (item.empty()) return fail(ErrorCode::kBadValue, "an address is empty in " + in_quotes(text));
    std::string address = complete_address(item, port_default);
    if (Result<void> checked = check_address(address, AddressUse::kConnect); !checked) {
      return tl::unexpected<Error>(std::move(checked.error()));
    }
    addresses.push_back(std::move(address));
  }
  if (addresses.empty()) return fail(ErrorCode::kBadValue, "no address is given");
  return addresses;
}

std::string given_or_environment(const std::string& given, const char* variable, std::string_view otherwise) {
  if (!given.empty()) return given;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? std::string(value) : std::string(otherwise);
}

}  // namespace eventmq
