#include "agent/traffic/http_meter.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <utility>

#include "agent/traffic/http_connection.h"

namespace tensorwarden {
namespace {

// The tuple, not the cookie: the cookie of an accepted socket is not yet known when its first segment comes.
struct ConnectionKey {
  std::string local_address, peer_address;
  uint32_t ports = 0;
  uint32_t net_ns = 0;
  bool operator==(const ConnectionKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const ConnectionKey& k) {
    return H::combine(std::move(h), k.local_address, k.peer_address, k.ports, k.net_ns);
  }
};

ConnectionKey KeyOf(const SocketTuple& socket) {
  return {socket.local_address, socket.peer_address, uint32_t{socket.local_port} << 16 | socket.peer_port,
          socket.net_ns};
}

class Http1Meter final : public HttpMeter {
 public:
  Http1Meter(HttpMeterConfig config, AddressSet proxies, std::unique_ptr<KeyedHash> hash)
      : config_(std::move(config)), proxies_(std::move(proxies)), hash_(std::move(hash)) {}

  void Take(const Origin& origin, const HttpSegment& segment, std::vector<Event>& requests) override {
    MeterContext context{config_, proxies_, *hash_, stats_, origin, requests};
    ConnectionKey key = KeyOf(segment.socket);
    auto found = by_key_.find(key);
    if (found == by_key_.end()) {
      if (segment.tcp_flags & (kFin | kRst) && segment.payload_len == 0) return;
      if (recent_.size() >= config_.max_connections) EvictOldest(context);
      recent_.push_front({key, HttpConnection(config_.max_head_bytes), 0});
      found = by_key_.emplace(std::move(key), recent_.begin()).first;
    } else {
      recent_.splice(recent_.begin(), recent_, found->second);
    }
    const auto entry = found->second;
    const bool open = entry->connection.Take(segment, context);
    Account(*entry);
    if (!open) Drop(entry, context);
    while (buffered_ > config_.max_buffered_bytes && recent_.size() > 1) EvictOldest(context);
  }

  HttpMeterStats Stats() const override {
    HttpMeterStats stats = stats_;
    stats.connections = recent_.size();
    return stats;
  }

 private:
  static constexpr uint8_t kFin = 1, kRst = 4;
  struct Entry {
    ConnectionKey key;
    HttpConnection connection;
    size_t buffered;  // as last accounted
  };
  using Entries = std::list<Entry>;

  void Account(Entry& entry) {
    const size_t now = entry.connection.BufferedBytes();
    buffered_ += now - entry.buffered;
    entry.buffered = now;
  }

  void Drop(Entries::iterator entry, MeterContext& context) {
    entry->connection.Flush(context);
    buffered_ -= entry->buffered;
    by_key_.erase(entry->key);
    recent_.erase(entry);
  }

  void EvictOldest(MeterContext& context) {
    ++stats_.evicted;
    Drop(std::prev(recent_.end()), context);
  }

  const HttpMeterConfig config_;
  const AddressSet proxies_;
  const std::unique_ptr<KeyedHash> hash_;
  HttpMeterStats stats_;
  Entries recent_;  // most recently active first
  absl::flat_hash_map<ConnectionKey, Entries::iterator> by_key_;
  size_t buffered_ = 0;  // bytes, all connections
};

absl::Status CheckBounds(const HttpMeterConfig& config) {
  const std::pair<const char*, size_t> bounds[] = {{"prefix_bytes", config.prefix_bytes},
                                                   {"max_connections", config.max_connections},
                                                   {"max_head_bytes", config.max_head_bytes},
                                                   {"max_buffered_bytes", config.max_buffered_bytes}};
  for (const auto& [name, value] : bounds)
    if (value == 0) return absl::InvalidArgumentError(fmt::format("http.{}: must not be 0", name));
  return absl::OkStatus();
}

void ToLower(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpMeter>> HttpMeter::Create(HttpMeterConfig config) {
  if (absl::Status status = CheckBounds(config); !status.ok()) return status;
  auto proxies = AddressSet::Parse(config.trusted_proxies);
  if (!proxies.ok())
    return absl::InvalidArgumentError(fmt::format("http.trusted_proxies: {}", std::string(proxies.status().message())));
  auto hash = KeyedHash::Create(config.secret);
  if (!hash.ok()) return hash.status();
  for (std::string& name : config.api_key_headers) ToLower(name);
  return std::make_unique<Http1Meter>(std::move(config), *std::move(proxies), *std::move(hash));
}

}  // namespace tensorwarden
