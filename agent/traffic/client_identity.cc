#include "agent/traffic/client_identity.h"

#include <optional>

namespace tensorwarden {
namespace {

// "Bearer abc" -> "abc"; other schemes stay whole.
std::string_view StripBearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  return value.size() > kScheme.size() && EqualsIgnoreCase(value.substr(0, kScheme.size()), kScheme)
             ? TrimBlanks(value.substr(kScheme.size()))
             : value;
}

std::string_view ApiKey(const Http1Head& head, const std::vector<std::string>& key_headers) {
  for (const std::string& name : key_headers)
    if (const std::string_view value = StripBearer(FindHeader(head, name)); !value.empty()) return value;
  return {};
}

// Each proxy appends the address it was asked from, so only what stands right of the first stranger, from the right,
// was written by proxies that we trust: the stranger is the client. Several headers are one list in order.
std::optional<IpAddress> ForwardedFor(const Http1Head& head, const AddressSet& trusted) {
  std::optional<IpAddress> last;
  for (auto header = head.headers.rbegin(); header != head.headers.rend(); ++header) {
    if (!EqualsIgnoreCase(header->first, "x-forwarded-for")) continue;
    std::string_view list = header->second;
    while (!list.empty()) {
      const size_t comma = list.rfind(',');
      const auto address = ParseAddress(TrimBlanks(list.substr(comma + 1)));
      if (!address) return last;
      last = address;
      if (!trusted.Contains(*address)) return last;
      list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
    }
  }
  return last;
}

}  // namespace

std::string ClientIdentity(const Http1Head& head, std::string_view peer, const std::vector<std::string>& key_headers,
                           const AddressSet& trusted_proxies, KeyedHash& hash) {
  if (const std::string_view key = ApiKey(head, key_headers); !key.empty())
    return "key:" + hash.Hex(HashDomain::kApiKey, key);
  if (!trusted_proxies.empty()) {
    const auto address = ParseAddress(peer);
    if (address && trusted_proxies.Contains(*address))
      if (const auto client = ForwardedFor(head, trusted_proxies)) return "proxy:" + FormatAddress(*client);
  }
  return "addr:" + std::string(peer);
}

}  // namespace tensorwarden
