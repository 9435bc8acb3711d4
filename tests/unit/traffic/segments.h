// Builders for the meter's tests: a client that sends bytes in segments of its choice.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/traffic/http_meter.h"

namespace tensorwarden {

inline HttpMeterConfig DefaultMeterConfig() {
  HttpMeterConfig config;
  config.secret = "0123456789abcdef";
  return config;
}

// A request with a body, keep-alive.
inline std::string Post(std::string_view body, std::string_view headers = "") {
  return "POST /v1/completions HTTP/1.1\r\nHost: h\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string Get(std::string_view path = "/health") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

class Client {
 public:
  explicit Client(HttpMeterConfig config = DefaultMeterConfig()) : meter(HttpMeter::Create(std::move(config)).value()) {
    segment.socket.local_address = "10.0.0.1";
    segment.socket.local_port = 8000;
    segment.socket.peer_address = "10.0.0.9";
    segment.socket.peer_port = 40000;
    origin.ktime_ns = 1;
  }

  // Sends at the connection's current place.
  void Send(std::string_view bytes, uint8_t flags = 0) {
    SendAt(seq, bytes, flags);
    seq += static_cast<uint32_t>(bytes.size());
  }
  void SendAt(uint32_t at, std::string_view bytes, uint8_t flags = 0) { SendCut(at, bytes, bytes.size(), flags); }
  // Sends `length` bytes, of which only `bytes` are captured.
  void SendCut(uint32_t at, std::string_view bytes, size_t length, uint8_t flags = 0) {
    segment.seq = at;
    segment.payload.assign(bytes.begin(), bytes.end());
    segment.payload_len = static_cast<uint32_t>(length);
    segment.tcp_flags = flags;
    origin.ktime_ns += 1000;
    meter->Take(origin, segment, events);
  }

  std::vector<HttpRequest> Requests() const {
    std::vector<HttpRequest> requests;
    for (const Event& event : events) requests.push_back(std::get<HttpRequest>(event.body));
    return requests;
  }
  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    for (const HttpRequest& request : Requests()) paths.push_back(request.path);
    return paths;
  }

  std::unique_ptr<HttpMeter> meter;
  HttpSegment segment;
  Origin origin;
  uint32_t seq = 1000;
  std::vector<Event> events;
};

}  // namespace tensorwarden
