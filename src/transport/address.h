// Addresses as a user writes them: tcp://host:port, ipc://path, inproc://name.
#pragma once

#include <string>
#include <string_view>

#include "src/base/result.h"

namespace eventmq {

enum class AddressUse { kListen, kConnect };

// Checks the form only. To listen, the port may be * (the system chooses one) and the host may be * (all).
// Errors: kBadValue; the text quotes the address and says what is missing.
Result<void> check_address(std::string_view address, AddressUse use);

// Whether two sockets that listen at these addresses would get in each other's way: the same one, or the same port
// where one of them is every interface. A port that the system chooses is always another.
bool same_place(std::string_view one, std::string_view other);

// True if a socket listening there can be reached from other machines.
bool reachable_from_other_machines(std::string_view address);

enum class HostKind { kNone, kIpv4, kIpv6, kName, kAny };
// What the host of an address is; kNone for ipc and inproc, kAny for *.
HostKind host_kind(std::string_view address);

// Somebody answers at the socket of this ipc:// path, or may. The system would let us take it away; other addresses it
// guards itself.
bool somebody_listens(std::string_view address);

// The address with `localhost` as the loopback address that it always is (RFC 6761, section 6.3), so that it is reached
// on a system without a hosts file too, and can be listened on; any other as it stands.
std::string without_lookup(std::string_view address, bool as_ipv6);

// An address to listen on with numbers only: `localhost` as 127.0.0.1, an interface of this machine as its IPv4 address
// if it has one, the port without leading zeros; any other as it stands. It can be connected to from this machine,
// unless it is every interface.
std::string listening_place(std::string_view address);

}  // namespace eventmq
