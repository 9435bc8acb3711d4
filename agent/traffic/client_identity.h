// Who asks: an API key where there is one, else the address that a trusted proxy reports, else the peer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/traffic/address_set.h"
#include "agent/traffic/http1_head.h"
#include "agent/traffic/keyed_hash.h"

namespace tensorwarden {

// "key:<32 hex>", "proxy:<address>" or "addr:<address>". `key_headers` are lower case, best first. A bearer token and
// the same token in another header are one client.
std::string ClientIdentity(const Http1Head& head, std::string_view peer, const std::vector<std::string>& key_headers,
                           const AddressSet& trusted_proxies, KeyedHash& hash);

}  // namespace tensorwarden
