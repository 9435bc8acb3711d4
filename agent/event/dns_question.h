// What a DNS message asks, from bytes that any process may have made up.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tensorwarden {

inline constexpr size_t kMaxDnsName = 253;  // characters, escapes counted as what they are written with

struct DnsQuestion {
  std::string name;       // as DnsQuery's
  uint16_t type = 0;      // 0 when the name is empty
  bool malformed = true;  // an answer, or not exactly one question, or not readable
};

// Reads the first question of `message` (RFC 1035, 4.1) and looks at nothing behind it. A name that points elsewhere
// in the message (4.1.4), which no resolver asks with, counts as not readable.
DnsQuestion ParseDnsQuestion(std::span<const uint8_t> message);

}  // namespace tensorwarden
