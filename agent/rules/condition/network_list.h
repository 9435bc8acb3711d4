// IP addresses and networks as literals: "10.0.0.0/8", "::1".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwarden::rules {

// IPv4 addresses stand in IPv6 form (::ffff:a.b.c.d), so that one comparison serves both.
struct Network {
  std::array<uint8_t, 16> address{};
  uint8_t bits = 128;
};

// nullopt when `text` is neither an address nor ADDRESS/BITS. Bits behind the prefix do not matter.
std::optional<Network> ParseNetwork(std::string_view text);
// The address as inet_ntop(3) writes it; nullopt when `text` is none, or a network.
std::optional<std::string> NormalAddress(std::string_view text);
// As people write it: "10.0.0.0/8", an address without bits.
std::string NetworkText(const Network& network);
// False also when `address` is none.
bool InAnyNetwork(const std::vector<Network>& networks, std::string_view address);

}  // namespace tensorwarden::rules
