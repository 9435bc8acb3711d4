// A capture file, or a single event, from a stranger: never a crash, never an allocation past the bounds.
//
// The first byte chooses: the rest is one event; a payload inside a frame with right checksums; or a whole file. What
// an event decodes to must encode and decode again.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/capture/capture.h"
#include "agent/capture/frame.h"

namespace tensorwarden {
namespace {

void FuzzEvent(std::string_view bytes) {
  const absl::StatusOr<Event> event = DecodeCapturedEvent(bytes);
  if (!event.ok()) return;
  const std::string again = EncodeEvent(*event);
  const absl::StatusOr<Event> back = DecodeCapturedEvent(again);
  if (!back.ok() || EncodeEvent(*back) != again) abort();
}

void FuzzFile(std::string_view bytes) {
  static const int fd = memfd_create("capture", MFD_CLOEXEC);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes.data(), bytes.size(), 0) < 0) abort();
  auto reader = CaptureReader::Open("/proc/self/fd/" + std::to_string(fd));
  if (!reader.ok()) return;
  Event event;
  for (;;) {
    const absl::StatusOr<bool> more = (*reader)->Next(event);
    if (!more.ok() || !*more) return;
  }
}

void FuzzPayload(std::string_view plain) {
  const absl::StatusOr<std::string> payload = CompressPayload(plain);
  if (!payload.ok()) abort();
  const FrameHeader header{
      .payload_bytes = static_cast<uint32_t>(payload->size()), .events = 1, .payload_hash = FrameHash(*payload)};
  FuzzFile(EncodeFileHeader() + EncodeFrameHeader(header) + *payload);
}

}  // namespace
}  // namespace tensorwarden

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      tensorwarden::FuzzEvent(rest);
      break;
    case 1:
      tensorwarden::FuzzPayload(rest);
      break;
    default:
      tensorwarden::FuzzFile(rest);
      break;
  }
  return 0;
}
