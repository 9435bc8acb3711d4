// The only caller of cereal: its exceptions become statuses here.
#include "agent/capture/codec.h"

#include <fmt/format.h>

#include "agent/capture/capture.h"
#include "agent/capture/fields.h"

namespace tensorwarden {

void AppendEvent(const Event& event, std::string& out) {
  EventOutput archive(out);
  archive(event);
}

absl::Status DecodeEventInto(std::string_view bytes, Event& event) {
  size_t left = 0;
  try {
    EventInput archive(bytes);
    archive(event);
    left = archive.Remaining();
  } catch (
      const std::exception& e) {  // cereal::Exception; bad_alloc cannot exceed the input, but costs nothing to catch
    return absl::DataLossError(fmt::format("event of {} bytes: {}", bytes.size(), e.what()));
  }
  if (left == 0) return absl::OkStatus();
  return absl::DataLossError(fmt::format("event of {} bytes: {} left over", bytes.size(), left));
}

std::string EncodeEvent(const Event& event) {
  std::string bytes;
  AppendEvent(event, bytes);
  return bytes;
}

absl::StatusOr<Event> DecodeCapturedEvent(std::string_view bytes) {
  Event event;
  if (absl::Status status = DecodeEventInto(bytes, event); !status.ok()) return status;
  return event;
}

}  // namespace tensorwarden
