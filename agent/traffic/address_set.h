// IP addresses and CIDR blocks, to ask whether a peer is one of them.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwarden {

// IPv4 as ::ffff:a.b.c.d, so that a peer of a dual-stack socket compares equal.
using IpAddress = std::array<uint8_t, 16>;

// "10.0.0.1", "10.0.0.1:80", "fe80::1", "[fe80::1]:80". Nothing for anything else, names included.
std::optional<IpAddress> ParseAddress(std::string_view text);
std::string FormatAddress(const IpAddress& address);

class AddressSet {
 public:
  // Each entry is an address or address/prefix. Errors: InvalidArgument naming the entry.
  static absl::StatusOr<AddressSet> Parse(const std::vector<std::string>& entries);
  bool Contains(const IpAddress& address) const;
  bool empty() const { return blocks_.empty(); }

 private:
  struct Block {
    IpAddress address;
    unsigned bits;  // of the 128
  };
  std::vector<Block> blocks_;
};

}  // namespace tensorwarden
