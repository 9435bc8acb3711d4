#include "agent/enrich/address_class.h"

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace tensorwarden {
namespace {

struct Block {
  uint32_t network;
  uint32_t bits;
};

// The unspecified address reaches this host, as loopback does.
constexpr Block kLoopback[] = {{0x7f000000, 8}, {0, 32}};
constexpr Block kPrivate[] = {{0x0a000000, 8}, {0xac100000, 12}, {0xc0a80000, 16}, {0xa9fe0000, 16}, {0x64400000, 10}};

template <size_t N>
bool InAny(const Block (&blocks)[N], uint32_t address) {
  for (const Block& block : blocks) {
    if ((address >> (32 - block.bits)) == (block.network >> (32 - block.bits))) return true;
  }
  return false;
}

std::string_view ClassOf4(uint32_t address) {
  if (InAny(kLoopback, address)) return "loopback";
  return InAny(kPrivate, address) ? "private" : "public";
}

std::string_view ClassOf6(const in6_addr& address) {
  const uint8_t* b = address.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    uint32_t inner = 0;
    std::memcpy(&inner, b + 12, sizeof(inner));
    return ClassOf4(ntohl(inner));
  }
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address)) return "loopback";
  const bool unique_local = (b[0] & 0xfe) == 0xfc;
  const bool link_local = b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
  return unique_local || link_local ? "private" : "public";
}

}  // namespace

std::string_view AddressClass(std::string_view address) {
  if (address.size() >= INET6_ADDRSTRLEN) return "";
  const std::string text(address);  // inet_pton wants a terminated string
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return ClassOf4(ntohl(v4.s_addr));
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return ClassOf6(v6);
  return "";
}

}  // namespace tensorwarden
