// What is kept of clients without a full record: newcomers and evicted ones. A fixed table of 32 bytes a client.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tensorwarden {

struct ClientSummary {
  uint64_t hash = 0;  // of the client; 0 = free
  uint64_t first_ns = 0;
  uint64_t last_ns = 0;
  uint32_t requests = 0;  // in the window, as of last_ns
  float level = 0;        // usual requests a minute
};
static_assert(sizeof(ClientSummary) == 32);

class ClientSummaries {
 public:
  ClientSummaries(size_t max_summaries, uint64_t window_ns);

  // The client's slot, made when absent. Four slots can hold a client; when all are taken, one that was silent for a
  // window goes, else the one with the fewest requests, counted: one-time clients push out each other.
  ClientSummary& Touch(std::string_view client, uint64_t now_ns);
  uint64_t Evicted() const { return evicted_; }

 private:
  static constexpr size_t kWays = 4;

  uint64_t window_ns_;
  uint64_t evicted_ = 0;
  std::vector<ClientSummary> slots_;
};

}  // namespace tensorwarden
