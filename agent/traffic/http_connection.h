// One inbound connection: segments in, requests out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/event/event.h"
#include "agent/traffic/address_set.h"
#include "agent/traffic/http1_parser.h"
#include "agent/traffic/http_meter.h"
#include "agent/traffic/keyed_hash.h"
#include "agent/traffic/tcp_order.h"

namespace tensorwarden {

// What all connections share, and where the requests of the current segment go.
struct MeterContext {
  const HttpMeterConfig& config;
  const AddressSet& trusted_proxies;
  KeyedHash& hash;
  HttpMeterStats& stats;
  const Origin& origin;
  std::vector<Event>& requests;
};

class HttpConnection {
 public:
  explicit HttpConnection(size_t max_head_bytes) : parser_(max_head_bytes) {}

  // False when the connection is over.
  bool Take(const HttpSegment& segment, MeterContext& context);
  // Emits the request whose body has not come to its end: before the connection is dropped.
  void Flush(MeterContext& context);
  size_t BufferedBytes() const { return parser_.BufferedBytes() + sample_.capacity() + order_.StashedBytes(); }

 private:
  void NoteIdentity(const HttpSegment& segment, MeterContext& context);
  void Begin(const HttpSegment& segment);
  void TakePayload(const HttpSegment& segment, uint64_t offset, TcpOrder::Place place, MeterContext& context);
  void TakeOutside(std::string_view bytes, uint32_t seq, const HttpSegment& segment, MeterContext& context);
  void Deliver(uint64_t offset, uint32_t length, std::string_view bytes, const SocketTuple& socket,
               MeterContext& context);
  void PassBody();
  void DeliverStash(const SocketTuple& socket, MeterContext& context);
  void Resynchronise(const SocketTuple& socket, MeterContext& context);
  void Parse(std::string_view bytes, const SocketTuple& socket, MeterContext& context);
  void OnHead(const SocketTuple& socket, MeterContext& context);
  void OnBody(std::string_view piece, MeterContext& context);
  void Emit(std::string_view body, MeterContext& context);
  void Reset();

  TcpOrder order_;
  Http1Parser parser_;
  uint64_t cookie_ = 0;
  std::optional<uint32_t> syn_next_;    // first byte after a SYN that came while we held state
  uint64_t gap_since_ns_ = 0;           // when the first stashed segment came
  int outside_run_ = 0;                 // segments outside the window without one inside
  std::optional<HttpRequest> pending_;  // its head is complete, its body not yet sampled
  std::string sample_;                  // of pending_'s body
};

}  // namespace tensorwarden
