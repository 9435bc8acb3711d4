// What the agent asks tensorwarden-symbols, and what it answers. Either side takes the other's bytes for hostile.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

inline constexpr size_t kMaxSymbolModules = 16;  // as many open files go with one frame
inline constexpr size_t kMaxSymbolFrames = 64;
inline constexpr size_t kMaxSymbolName = 256;  // bytes; a C++ name is cut

struct SymbolQuery {
  uint32_t module = 0;  // index of the file that goes with the request
  uint64_t offset = 0;  // in that file, bytes
  bool operator==(const SymbolQuery&) const = default;
};

struct SymbolRequest {
  ProcessKey process;  // whose stack it is; only for messages
  uint32_t modules = 0;
  std::vector<SymbolQuery> frames;
};

struct SymbolName {
  std::string function;  // "" not known
  uint64_t offset = 0;   // from the function's start
  bool operator==(const SymbolName&) const = default;
};

// One for each frame asked.
using SymbolReply = std::vector<SymbolName>;

std::string EncodeRequest(const SymbolRequest& request);
std::string EncodeReply(const SymbolReply& reply);
// Errors: DataLoss when a count is above its bound, an index points outside, or bytes lack or are left.
absl::StatusOr<SymbolRequest> DecodeRequest(std::string_view payload);
absl::StatusOr<SymbolReply> DecodeReply(std::string_view payload);

}  // namespace tensorwarden
