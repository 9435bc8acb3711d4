// A capture: the sequencer's events in a file, so that a replay gives the same alerts with the same ids.
//
// Layout: an 16-byte file header (magic "TWCAP\n", version), then frames: {u32 length, u32 events, u64 first seq,
// u64 XXH3 of the payload}, payload = zstd of length-prefixed cereal portable-binary events. Sizes are bounded before
// anything is allocated; a torn tail ends the stream with a warning, a broken frame in the middle is an error.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "agent/event/event.h"

namespace tensorwarden {

inline constexpr uint32_t kMaxFrameBytes = 16 << 20;  // compressed or not

class CaptureWriter {
 public:
  // Errors: the file's, with its path. The file is created with mode 0600.
  static absl::StatusOr<std::unique_ptr<CaptureWriter>> Create(const std::string& path);
  virtual ~CaptureWriter() = default;  // flushes; errors are lost: call Close() to see them
  virtual absl::Status Append(const Event& event) = 0;
  // Writes what is buffered as a frame (the caller does so every second).
  virtual absl::Status Flush() = 0;
  virtual absl::Status Close() = 0;
};

class CaptureReader {
 public:
  // Errors: NotFound, DataLoss when it is no capture, Unimplemented when its version is newer.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(const std::string& path);
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
