// Turns inbound TCP segments of serving ports into one HttpRequest per HTTP/1.x request head.
//
// Segments come before TCP has checked them: overlapping, repeated, decoy and out-of-window ones must not add or hide
// requests. Bodies are counted over, not kept: only hashes of their first bytes leave.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

struct HttpMeterConfig {
  std::vector<std::string> trusted_proxies;  // addresses or CIDR blocks whose X-Forwarded-For is believed
  std::vector<std::string> api_key_headers = {"authorization", "x-api-key", "api-key"};
  size_t prefix_bytes = 32;              // of the prompt that make its template fingerprint
  size_t max_connections = 16384;        // least recently active goes, counted
  size_t max_head_bytes = 16384;         // longer heads are counted as malformed and skipped
  std::string secret;                    // 16 bytes, key of every hash; per host
  size_t max_buffered_bytes = 16 << 20;  // unfinished heads, body samples and segments that wait, all connections
};

struct HttpMeterStats {
  uint64_t requests = 0;
  uint64_t malformed = 0;       // connection skipped to the next plausible head
  uint64_t resynchronised = 0;  // a segment was lost or cut short
  uint64_t evicted = 0;
  size_t connections = 0;
};

class HttpMeter {
 public:
  // Errors: InvalidArgument when a bound is zero, the secret is not 16 bytes, or a proxy is no address.
  static absl::StatusOr<std::unique_ptr<HttpMeter>> Create(HttpMeterConfig config);
  virtual ~HttpMeter() = default;
  // Appends one event per request that `segment` completes: its head, and the first 2 KiB of its body as far as they
  // come. Origin is copied from `origin`. A head that is cut short, or framed in a way on which servers differ, is a
  // request too; the connection is then skipped to the next segment that begins with a request line.
  virtual void Take(const Origin& origin, const HttpSegment& segment, std::vector<Event>& requests) = 0;
  virtual HttpMeterStats Stats() const = 0;
};

}  // namespace tensorwarden
