#include "agent/traffic/address_set.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tensorwarden {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool IsMapped(const IpAddress& address) {
  return std::memcmp(address.data(), kMappedPrefix, sizeof(kMappedPrefix)) == 0;
}

// "[v6]:port" and "v4:port" -> the address.
std::string_view StripPort(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') == std::string_view::npos ? 0 : text.find(']') - 1);
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos ? text.substr(0, colon)
                                                                                                : text;
}

std::optional<unsigned> ParsePrefix(std::string_view text, unsigned max) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size() || bits > max) return std::nullopt;
  return bits;
}

}  // namespace

std::optional<IpAddress> ParseAddress(std::string_view text) {
  text = StripPort(text);
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof(buffer)) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  IpAddress address;
  if (inet_pton(AF_INET6, buffer, address.data()) == 1) return address;
  std::memcpy(address.data(), kMappedPrefix, sizeof(kMappedPrefix));
  if (inet_pton(AF_INET, buffer, address.data() + sizeof(kMappedPrefix)) == 1) return address;
  return std::nullopt;
}

std::string FormatAddress(const IpAddress& address) {
  char buffer[INET6_ADDRSTRLEN];
  const bool v4 = IsMapped(address);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? sizeof(kMappedPrefix) : 0), buffer, sizeof(buffer));
  return buffer;
}

absl::StatusOr<AddressSet> AddressSet::Parse(const std::vector<std::string>& entries) {
  AddressSet set;
  for (const std::string& entry : entries) {
    const size_t slash = entry.find('/');
    const auto address = ParseAddress(std::string_view(entry).substr(0, slash));
    const bool v4 = address && IsMapped(*address);
    const auto bits = slash == std::string::npos
                          ? std::optional<unsigned>(v4 ? 32 : 128)
                          : ParsePrefix(std::string_view(entry).substr(slash + 1), v4 ? 32 : 128);
    if (!address || !bits)
      return absl::InvalidArgumentError(fmt::format("'{}' is no IP address or CIDR block such as 10.0.0.0/8", entry));
    set.blocks_.push_back({*address, *bits + (v4 ? 96 : 0)});
  }
  return set;
}

bool AddressSet::Contains(const IpAddress& address) const {
  return std::any_of(blocks_.begin(), blocks_.end(), [&address](const Block& block) {
    const unsigned whole = block.bits / 8, rest = block.bits % 8;
    if (std::memcmp(address.data(), block.address.data(), whole) != 0) return false;
    return rest == 0 || ((address[whole] ^ block.address[whole]) >> (8 - rest)) == 0;
  });
}

}  // namespace tensorwarden
