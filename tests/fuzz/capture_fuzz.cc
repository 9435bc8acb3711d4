// A capture file, or a single event, from a stranger: never a crash, never an allocation past the bounds.
//
// The first byte chooses: the rest is one event; a payload inside a frame with right checksums; the rows of an index;
// or a whole file. What an event decodes to must encode and decode again.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
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

// To any time, from the start.
void FuzzSeek(const std::string& path, size_t size) {
  auto reader = CaptureReader::Open(path);
  if (!reader.ok()) return;
  const absl::StatusOr<CaptureExtent> extent = (*reader)->Extent();
  if (!extent.ok()) return;
  const uint64_t span = extent->last_ns - std::min(extent->first_ns, extent->last_ns);
  if (!(*reader)->SeekTime(extent->first_ns + size % (span / 2 + 1)).ok()) abort();
  Event event;
  (void)(*reader)->Next(event);
}

void FuzzFile(std::string_view bytes) {
  static const int fd = memfd_create("capture", MFD_CLOEXEC);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes.data(), bytes.size(), 0) < 0) abort();
  auto reader = CaptureReader::Open("/proc/self/fd/" + std::to_string(fd));
  if (!reader.ok()) return;
  Event event;
  for (;;) {
    const absl::StatusOr<bool> more = (*reader)->Next(event);
    if (!more.ok() || !*more) break;
  }
  FuzzSeek("/proc/self/fd/" + std::to_string(fd), bytes.size());
}

std::string Frame(std::string_view plain, uint32_t events) {
  const absl::StatusOr<std::string> payload = CompressPayload(plain);
  if (!payload.ok()) abort();
  const FrameHeader header{
      .payload_bytes = static_cast<uint32_t>(payload->size()), .events = events, .payload_hash = FrameHash(*payload)};
  return EncodeFrameHeader(header) + *payload;
}

void FuzzPayload(std::string_view plain) { FuzzFile(EncodeFileHeader() + Frame(plain, 1)); }

// Rows of an index, behind one good frame, with right checksums.
void FuzzIndex(std::string_view rows) {
  std::string plain;
  const std::string event = EncodeEvent(Event{});
  AppendLittleEndian(plain, event.size(), 4);
  std::string file = EncodeFileHeader() + Frame(plain + event, 1);
  std::string footer;
  AppendLittleEndian(footer, file.size(), 8);
  footer += "TWINDEX\n";
  AppendLittleEndian(footer, FrameHash(footer), 8);
  FuzzFile(file + Frame(rows, 0) + footer);
}

}  // namespace
}  // namespace tensorwarden

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      tensorwarden::FuzzEvent(rest);
      break;
    case 1:
      tensorwarden::FuzzPayload(rest);
      break;
    case 2:
      tensorwarden::FuzzIndex(rest);
      break;
    default:
      tensorwarden::FuzzFile(rest);
      break;
  }
  return 0;
}
