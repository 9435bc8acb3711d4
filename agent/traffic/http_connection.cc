#include "agent/traffic/http_connection.h"

#include <algorithm>
#include <utility>

#include "agent/traffic/client_identity.h"
#include "agent/traffic/prompt.h"

namespace tensorwarden {
namespace {

constexpr size_t kSampleBytes = 2048;  // of a body: what one segment's record holds
constexpr size_t kMaxPathBytes = 256;
constexpr size_t kMaxMethodBytes = 32;
constexpr uint64_t kMaxGapNs = 1'000'000'000;  // TCP repairs a loss within some 200 ms; later it was our own
constexpr int kMaxOutsideRun = 16;             // then it is we who stand in the wrong place
constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4;

}  // namespace

bool HttpConnection::Take(const HttpSegment& segment, MeterContext& context) {
  const uint32_t seq = segment.seq + (segment.tcp_flags & kSyn ? 1 : 0);
  const uint32_t length = std::max<uint32_t>(segment.payload_len, static_cast<uint32_t>(segment.payload.size()));
  NoteIdentity(segment, context);
  if (!order_.Started()) Begin(segment);
  uint64_t offset = 0;
  TcpOrder::Place place = order_.Locate(seq, length, offset);
  const bool gap = place == TcpOrder::Place::kAhead || place == TcpOrder::Place::kOutside;
  if (gap && !sample_.empty()) {  // a shorter sample of the body is better than waiting for its lost part
    Flush(context);
    PassBody();
    place = order_.Locate(seq, length, offset);
  }
  // As TCP does (RFC 5961): a reset counts only at the very next byte.
  if (segment.tcp_flags & kRst) return place == TcpOrder::Place::kOutside || offset != order_.next();
  if (length > 0 && place == TcpOrder::Place::kOutside)
    TakeOutside(AsText(segment.payload), seq, segment, context);
  else if (length > 0)
    TakePayload(segment, offset, place, context);
  return !(segment.tcp_flags & kFin) || offset + length != order_.next();
}

// A tuple is used again: another cookie says so at once, a SYN once data follow it. The first SYN of a connection still
// has the listener's cookie, a later one that of the connection, which goes on.
void HttpConnection::NoteIdentity(const HttpSegment& segment, MeterContext& context) {
  const bool other = cookie_ != 0 && segment.cookie != 0 && cookie_ != segment.cookie;
  const bool after_syn = syn_next_ && segment.seq == *syn_next_ && MayStartRequest(AsText(segment.payload));
  if (other || after_syn) {
    Flush(context);
    Reset();
  }
  const bool syn = segment.tcp_flags & kSyn;
  const bool known_alive = segment.cookie != 0 && segment.cookie == cookie_;
  if (segment.cookie != 0 && !syn) cookie_ = segment.cookie;
  if (order_.Started() && syn && !known_alive) syn_next_ = segment.seq + 1;
}

void HttpConnection::Begin(const HttpSegment& segment) {
  const bool syn = segment.tcp_flags & kSyn;
  order_.Start(segment.seq + (syn ? 1 : 0));
  // Without its beginning, a connection is taken up where a request may start.
  if (!syn && !segment.payload.empty() && !MayStartRequest(AsText(segment.payload))) parser_.Lose();
}

void HttpConnection::TakePayload(const HttpSegment& segment, uint64_t offset, TcpOrder::Place place,
                                 MeterContext& context) {
  const std::string_view bytes = AsText(segment.payload);
  const uint32_t length = std::max<uint32_t>(segment.payload_len, static_cast<uint32_t>(bytes.size()));
  if (place == TcpOrder::Place::kOld) return;
  outside_run_ = 0;
  if (parser_.Lost()) {
    if (offset < order_.next() || !StartsWithRequestLine(bytes)) return;
    ++context.stats.resynchronised;
    parser_.Restart();
    order_.MoveTo(offset);
    place = TcpOrder::Place::kInOrder;
  }
  if (place == TcpOrder::Place::kInOrder) {
    Deliver(offset, length, bytes, segment.socket, context);
  } else {
    if (order_.StashEmpty()) gap_since_ns_ = context.origin.ktime_ns;
    order_.Stash({offset, length, segment.payload});
  }
  DeliverStash(segment.socket, context);
  const bool waited = context.origin.ktime_ns > gap_since_ns_ + kMaxGapNs;
  if (!order_.StashEmpty() && (waited || parser_.Lost() || order_.StashFull())) Resynchronise(segment.socket, context);
}

void HttpConnection::TakeOutside(std::string_view bytes, uint32_t seq, const HttpSegment& segment,
                                 MeterContext& context) {
  if (++outside_run_ < kMaxOutsideRun || !StartsWithRequestLine(bytes)) return;
  Flush(context);
  const uint32_t length = std::max<uint32_t>(segment.payload_len, static_cast<uint32_t>(bytes.size()));
  order_.Start(seq);
  parser_.Restart();
  outside_run_ = 0;
  ++context.stats.resynchronised;
  Deliver(order_.next(), length, bytes, segment.socket, context);
}

void HttpConnection::Deliver(uint64_t offset, uint32_t length, std::string_view bytes, const SocketTuple& socket,
                             MeterContext& context) {
  const uint64_t old = order_.next() - offset;  // retransmitted before what is new
  bytes.remove_prefix(std::min<uint64_t>(old, bytes.size()));
  const uint64_t fresh = length - old;
  const uint64_t unseen = fresh - bytes.size();
  order_.Advance(fresh);
  Parse(bytes, socket, context);
  if (unseen > 0 && !parser_.Lost()) {
    const Http1Parser::Step step = parser_.Skip(unseen);
    if (step == Http1Parser::Step::kCut) OnHead(socket, context);
    if (step != Http1Parser::Step::kMore) ++context.stats.resynchronised;
  }
  if (unseen > 0 || parser_.Lost()) Flush(context);
  if (!pending_) PassBody();
}

// The rest of the body need not be seen to know where it ends.
void HttpConnection::PassBody() {
  const uint64_t body = parser_.Skippable();
  order_.Advance(body);
  parser_.Skip(body);
}

void HttpConnection::DeliverStash(const SocketTuple& socket, MeterContext& context) {
  while (!parser_.Lost()) {
    const auto ready = order_.TakeReady();
    if (!ready) return;
    Deliver(ready->offset, ready->length, AsText(ready->bytes), socket, context);
  }
}

// The bytes before the stash will not come: goes on at the first stashed segment that begins with a request line.
void HttpConnection::Resynchronise(const SocketTuple& socket, MeterContext& context) {
  Flush(context);
  for (const StashedSegment& segment : order_.stash()) {
    if (segment.offset < order_.next() || !StartsWithRequestLine(AsText(segment.bytes))) continue;
    ++context.stats.resynchronised;
    parser_.Restart();
    order_.MoveTo(segment.offset);
    DeliverStash(socket, context);
    // What is left waits behind another gap, or the stream broke again: each round takes one segment at least.
    if (!order_.StashEmpty() && parser_.Lost()) Resynchronise(socket, context);
    return;
  }
  parser_.Lose();
  order_.ClearStash();
}

void HttpConnection::Parse(std::string_view bytes, const SocketTuple& socket, MeterContext& context) {
  for (;;) {
    switch (parser_.Consume(bytes)) {
      case Http1Parser::Step::kMore:
        return;
      case Http1Parser::Step::kHead:
        OnHead(socket, context);
        break;
      case Http1Parser::Step::kBody:
        OnBody(parser_.piece(), context);
        break;
      case Http1Parser::Step::kEnd:
        Flush(context);
        break;
      case Http1Parser::Step::kCut:
        // Framed in a way on which servers differ, or too long: it still is a request, and hiding so must not pay.
        OnHead(socket, context);
        [[fallthrough]];
      case Http1Parser::Step::kBroken:
        ++context.stats.malformed;
        return;
    }
  }
}

void HttpConnection::OnHead(const SocketTuple& socket, MeterContext& context) {
  Flush(context);
  const Http1Head& head = parser_.head();
  const std::string_view agent = FindHeader(head, "user-agent");
  HttpRequest& request = pending_.emplace();
  request.socket = socket;
  request.cookie = cookie_;
  request.method = head.method.substr(0, kMaxMethodBytes);
  request.path = NormalisePath(head.target, kMaxPathBytes);
  request.client =
      ClientIdentity(head, socket.peer_address, context.config.api_key_headers, context.trusted_proxies, context.hash);
  if (!agent.empty()) request.user_agent_hash = context.hash.Hash64(HashDomain::kUserAgent, agent);
  request.content_length = head.content_length;
}

void HttpConnection::OnBody(std::string_view piece, MeterContext& context) {
  if (!pending_) return;
  const uint64_t wanted = std::min<uint64_t>(pending_->content_length, kSampleBytes);
  if (sample_.empty() && wanted > 0 && piece.size() >= wanted) {  // the usual case: nothing is copied
    Emit(piece.substr(0, kSampleBytes), context);
    return;
  }
  sample_.append(piece.substr(0, kSampleBytes - sample_.size()));
  if (sample_.size() == kSampleBytes) Flush(context);
}

void HttpConnection::Flush(MeterContext& context) {
  if (pending_) Emit(sample_, context);
}

void HttpConnection::Emit(std::string_view body, MeterContext& context) {
  HttpRequest request = std::move(*pending_);
  pending_.reset();
  if (!body.empty()) {
    const std::string_view prompt = FindPrompt(body);
    const std::string_view source = prompt.empty() ? body : prompt;
    request.prefix_hash = context.hash.Hash64(HashDomain::kPrefix, source.substr(0, context.config.prefix_bytes));
    request.body_hash = context.hash.Hash64(HashDomain::kBody, body);
  }
  sample_ = {};
  ++context.stats.requests;
  Event& event = context.requests.emplace_back();
  event.origin = context.origin;
  event.body = std::move(request);
}

void HttpConnection::Reset() {
  order_ = {};
  parser_.Restart();
  cookie_ = 0;
  syn_next_.reset();
  gap_since_ns_ = 0;
  outside_run_ = 0;
}

}  // namespace tensorwarden
