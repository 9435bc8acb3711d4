// The decoder takes any bytes: it returns an event or an error, reads nothing outside, keeps nothing longer than the
// record.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "agent/event/decode.h"
#include "bpf/abi/event.h"

namespace {

// Heap copy of the exact size, at an odd address, so that the sanitizer sees the first byte read too far.
void DecodeExactly(const uint8_t* bytes, size_t size) {
  std::vector<std::byte> copy(size + 1);
  if (size != 0) std::memcpy(copy.data() + 1, bytes, size);
  absl::StatusOr<tensorwarden::Event> event = tensorwarden::DecodeEvent(std::span(copy).subspan(1));
  if (!event.ok()) return;
  if (event->seq != 0 || event->body.index() == 0) std::abort();
  if (const auto* exec = std::get_if<tensorwarden::ProcessExec>(&event->body)) {
    if (exec->path.size() > EVENT_PATH_MAX || exec->args.size() > EVENT_ARGS_MAX) std::abort();
  }
  if (const auto* segment = std::get_if<tensorwarden::HttpSegment>(&event->body)) {
    if (segment->payload.size() > EVENT_HTTP_MAX || segment->payload.size() > size) std::abort();
  }
}

// The header's size field is a gate that random bytes seldom pass: try again with a true one.
void DecodeWithTrueSize(const uint8_t* bytes, size_t size) {
  std::vector<uint8_t> fixed(bytes, bytes + size);
  const uint32_t true_size = static_cast<uint32_t>(size);
  std::memcpy(fixed.data() + offsetof(event_header, size), &true_size, sizeof(true_size));
  DecodeExactly(fixed.data(), fixed.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  DecodeExactly(bytes, size);
  if (size >= sizeof(event_header)) DecodeWithTrueSize(bytes, size);
  return 0;
}
