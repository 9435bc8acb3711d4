#include "agent/capture/frame_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "agent/capture/codec.h"

namespace tensorwarden {

absl::Status FrameBuilder::Add(const Event& event) {
  const size_t before = plain_.size();
  plain_.append(4, '\0');
  AppendEvent(event, plain_);
  const size_t bytes = plain_.size() - before - 4;
  if (plain_.size() > kMaxFrameBytes) {
    plain_.resize(before);
    if (bytes + 4 <= kMaxFrameBytes) return absl::ResourceExhaustedError("the frame is full");
    return absl::InvalidArgumentError(
        fmt::format("{} event {} of {} bytes does not fit a capture", EventKindName(event.body), event.seq, bytes));
  }
  const uint32_t size = static_cast<uint32_t>(bytes);
  std::memcpy(plain_.data() + before, &size, sizeof(size));  // little endian, as archive.h asserts
  if (header_.events++ == 0) header_.first_seq = event.seq;
  if (const uint64_t time_ns = event.origin.ktime_ns; time_ns != 0) {
    header_.first_ns = header_.first_ns == 0 ? time_ns : std::min(header_.first_ns, time_ns);
    header_.last_ns = std::max(header_.last_ns, time_ns);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FrameBuilder::Finish(FrameHeader& header) {
  header = std::exchange(header_, {});
  absl::StatusOr<std::string> payload = CompressPayload(plain_);
  plain_.clear();
  if (!payload.ok()) return payload;
  if (payload->size() > kMaxFrameBytes) return absl::InternalError("a frame grew past its bound");
  header.payload_bytes = static_cast<uint32_t>(payload->size());
  header.payload_hash = FrameHash(*payload);
  return EncodeFrameHeader(header) + *payload;
}

}  // namespace tensorwarden
