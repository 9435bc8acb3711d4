#include "agent/rules/condition/network_list.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tensorwarden::rules {
namespace {

constexpr uint8_t kMappedBits = 96;  // of the prefix ::ffff:0:0/96
constexpr uint8_t kAllBits = 128;

std::optional<Network> ParseAddress(std::string_view text, bool& is_v4) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  Network network;
  in_addr v4;
  is_v4 = inet_pton(AF_INET, terminated.c_str(), &v4) == 1;
  if (is_v4) {
    network.address[10] = network.address[11] = 0xff;
    std::memcpy(network.address.data() + 12, &v4, sizeof(v4));
    return network;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), network.address.data()) != 1) return std::nullopt;
  return network;
}

bool SamePrefix(const Network& network, const Network& host) {
  const size_t whole = network.bits / 8, rest = network.bits % 8;
  if (!std::equal(network.address.begin(), network.address.begin() + whole, host.address.begin())) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<uint8_t>(0xff << (8 - rest));
  return ((network.address[whole] ^ host.address[whole]) & mask) == 0;
}

bool IsMapped(const Network& network) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(std::begin(kMapped), std::end(kMapped), network.address.begin());
}

std::string AddressText(const Network& network) {
  char buffer[INET6_ADDRSTRLEN];
  const bool mapped = IsMapped(network);
  inet_ntop(mapped ? AF_INET : AF_INET6, network.address.data() + (mapped ? kMappedBits / 8 : 0), buffer,
            sizeof(buffer));
  return buffer;
}

}  // namespace

std::optional<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  bool is_v4 = false;
  std::optional<Network> network = ParseAddress(text.substr(0, slash), is_v4);
  if (!network || slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  uint32_t bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const bool good = error == std::errc() && end == digits.data() + digits.size();
  if (!good || bits > (is_v4 ? kAllBits - kMappedBits : kAllBits)) return std::nullopt;
  network->bits = static_cast<uint8_t>(is_v4 ? bits + kMappedBits : bits);
  return network;
}

std::optional<std::string> NormalAddress(std::string_view text) {
  bool is_v4 = false;
  const std::optional<Network> network = ParseAddress(text, is_v4);
  if (!network) return std::nullopt;
  return AddressText(*network);
}

std::string NetworkText(const Network& network) {
  std::string address = AddressText(network);
  if (network.bits == kAllBits) return address;
  return fmt::format("{}/{}", address,
                     IsMapped(network) && network.bits >= kMappedBits ? network.bits - kMappedBits : network.bits);
}

bool InAnyNetwork(const std::vector<Network>& networks, std::string_view address) {
  bool is_v4 = false;
  const std::optional<Network> host = ParseAddress(address, is_v4);
  return host && std::any_of(networks.begin(), networks.end(), [&](const Network& n) { return SamePrefix(n, *host); });
}

}  // namespace tensorwarden::rules
