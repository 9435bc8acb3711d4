// A capture: the sequencer's events in a file, so that a replay gives the same alerts with the same ids.
//
// Layout: a 16-byte file header (magic "TWCAP\n", u16 version, u64 zero), then frames. A frame is a 32-byte header {u32
// payload bytes, u32 events, u64 first seq, u64 XXH3 of the payload, u64 XXH3 of the 24 bytes before}, then the
// payload: zstd of events, each a u32 length and that many bytes of cereal portable binary. All integers are little
// endian. Sizes are bounded before anything is allocated. A torn tail (the agent was killed while it wrote) ends the
// stream with a flag; a broken frame anywhere else is an error.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"

namespace tensorwarden {

inline constexpr uint32_t kMaxFrameBytes = 16 << 20;  // compressed or not; so an event's bound too, less 4

class CaptureWriter {
 public:
  // Errors: the file's, with its path. The file is created with mode 0600.
  static absl::StatusOr<std::unique_ptr<CaptureWriter>> Create(const std::string& path);
  virtual ~CaptureWriter() = default;  // flushes; errors are lost: call Close() to see them
  // Errors: InvalidArgument when the event is larger than a frame (it is left out); the file's, with its path: the
  // capture then ends before the frame that failed, and every further call returns that error.
  virtual absl::Status Append(const Event& event) = 0;
  // Writes what is buffered as a frame (the caller does so every second).
  virtual absl::Status Flush() = 0;
  virtual absl::Status Close() = 0;
};

class CaptureReader {
 public:
  // Errors: NotFound, DataLoss when it is no capture, Unimplemented when its version is newer.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(const std::string& path);
  // The same from an open file or pipe; `path` is for messages.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Adopt(UniqueFd fd, const std::string& path);
  virtual ~CaptureReader() = default;
  // False at the end. Errors: DataLoss with the frame's offset.
  virtual absl::StatusOr<bool> Next(Event& event) = 0;
  // True after the end when the last frame was torn.
  virtual bool TornTail() const = 0;
};

// One event as bytes, and back; also used for saved state. Decode errors: DataLoss.
std::string EncodeEvent(const Event& event);
absl::StatusOr<Event> DecodeCapturedEvent(std::string_view bytes);

}  // namespace tensorwarden
