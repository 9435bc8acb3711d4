// Requests per second through the HTTP meter: keep-alive, one request a segment, with key, prompt and 64 connections.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "agent/traffic/http_meter.h"

namespace {

constexpr int kRequests = 1'000'000;
constexpr uint16_t kConnections = 64;

std::string Request(int number) {
  const std::string body = fmt::format(
      R"({{"model":"demo","prompt":"Translate this sentence into French, keep the names: number {:08}","max_tokens":16}})",
      number);
  return fmt::format(
      "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"
      "Authorization: Bearer sk-0123456789abcdef\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

}  // namespace

int main() {
  tensorwarden::HttpMeterConfig config;
  config.secret = "0123456789abcdef";
  auto meter = tensorwarden::HttpMeter::Create(config).value();
  const std::string request = Request(1);
  tensorwarden::HttpSegment segment;
  segment.socket.local_address = segment.socket.peer_address = "127.0.0.1";
  segment.socket.local_port = 8000;
  segment.payload.assign(request.begin(), request.end());
  segment.payload_len = static_cast<uint32_t>(request.size());
  std::vector<tensorwarden::Event> events;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRequests; ++i) {
    segment.socket.peer_port = static_cast<uint16_t>(i % kConnections);
    segment.seq = static_cast<uint32_t>(i / kConnections) * segment.payload_len;
    events.clear();
    meter->Take({}, segment, events);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"bench\":\"http_meter\",\"requests\":{},\"seconds\":{:.4f},\"requests_per_second\":{:.0f}}}\n",
             meter->Stats().requests, seconds, static_cast<double>(kRequests) / seconds);
  return meter->Stats().requests == kRequests ? 0 : 1;
}
