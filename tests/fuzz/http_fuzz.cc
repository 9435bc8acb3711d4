// The HTTP meter under hostile segments: the input is a script of {connection, where, flags, lengths, bytes}.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "agent/traffic/http_meter.h"

namespace {

constexpr size_t kScriptHead = 6;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  tensorwarden::HttpMeterConfig config;
  config.secret = "0123456789abcdef";
  config.max_connections = 3;
  config.max_buffered_bytes = 8192;
  config.max_head_bytes = 512;
  config.trusted_proxies = {"10.0.0.0/8"};
  auto meter = tensorwarden::HttpMeter::Create(config).value();
  tensorwarden::HttpSegment segment;
  segment.socket.peer_address = "10.0.0.2";
  tensorwarden::Origin origin;
  std::vector<tensorwarden::Event> requests;
  uint32_t next[8] = {};
  while (size >= kScriptHead) {
    const uint8_t connection = bytes[0] & 7;
    const size_t captured = std::min<size_t>(size_t{bytes[4]} * 2, size - kScriptHead);
    segment.socket.peer_port = connection;
    segment.cookie = bytes[0] >> 6;
    segment.tcp_flags = bytes[1] & 7;
    const int32_t jump = static_cast<int8_t>(bytes[2]) * (bytes[3] & 1 ? 1 << 20 : 1);
    segment.seq = next[connection] + static_cast<uint32_t>(bytes[3] & 2 ? jump : 0);
    segment.payload_len = static_cast<uint32_t>(captured + (bytes[3] & 4 ? bytes[5] * 64u : 0));
    segment.payload.assign(bytes + kScriptHead, bytes + kScriptHead + captured);
    origin.ktime_ns += bytes[5] * uint64_t{10'000'000};
    meter->Take(origin, segment, requests);
    next[connection] = segment.seq + segment.payload_len;
    bytes += kScriptHead + captured;
    size -= kScriptHead + captured;
  }
  if (meter->Stats().connections > config.max_connections) std::abort();
  if (meter->Stats().requests < requests.size()) std::abort();
  return 0;
}
