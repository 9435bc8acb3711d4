// Messages between the agent and a helper of its own: a pair of sequenced-packet sockets, so that a frame comes whole
// or not at all, with open files beside its bytes.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/unique_fd.h"

namespace tensorwarden {

inline constexpr size_t kMaxPipeFrameBytes = 64 << 10;  // with its head
inline constexpr size_t kMaxPipeFrameFds = 16;

struct PipeFrame {
  uint64_t id = 0;  // of the question; the answer has the same
  std::string payload;
  std::vector<UniqueFd> fds;
};

// Both ends close on exec and do not block. Errors: ErrnoToStatus.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakeFramedPipe();

// The bytes of a frame, and back. Errors: DataLoss when it is none.
std::string EncodePipeFrame(uint64_t id, std::string_view payload);
absl::StatusOr<PipeFrame> DecodePipeFrame(std::string_view bytes);

// The descriptors stay the caller's. Errors: InvalidArgument above the bounds; Unavailable when the other end does not
// take it now or is gone.
absl::Status SendFrame(int pipe, uint64_t id, std::string_view payload, std::span<const int> fds);

// Waits at most `timeout_ms` (negative: for ever). nullopt: nothing came. Errors: OutOfRange when the other end is
// gone; DataLoss when what came is no frame or too big.
absl::StatusOr<std::optional<PipeFrame>> ReceiveFrame(int pipe, int timeout_ms);

}  // namespace tensorwarden
