// Addresses of the wire as text.
#pragma once

#include "agent/event/event.h"
#include "bpf/abi/event.h"

namespace tensorwarden {

// An IPv4 address in an IPv6 socket ("::ffff:192.0.2.1") reads as IPv4; families other than these two have no address.
SocketTuple ToTuple(const event_sock_tuple& sock);

}  // namespace tensorwarden
