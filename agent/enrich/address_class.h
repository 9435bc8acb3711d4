// How far away an address is.
#pragma once

#include <string_view>

namespace tensorwarden {

// "loopback", "private" (RFC 1918, link-local, unique local, carrier NAT), "public"; "" when `address` is none.
// IPv4 in IPv6 (::ffff:10.0.0.1) counts as the IPv4 address.
std::string_view AddressClass(std::string_view address);

}  // namespace tensorwarden
