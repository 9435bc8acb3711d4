// Events gathered into one frame.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "agent/capture/frame.h"
#include "agent/event/event.h"

namespace tensorwarden {

class FrameBuilder {
 public:
  // Errors, both leaving the event out: InvalidArgument when it is larger than a frame; ResourceExhausted when it does
  // not fit this one any more.
  absl::Status Add(const Event& event);
  bool Empty() const { return header_.events == 0; }
  // As large as a frame is on a busy host, before compression.
  bool Full() const { return plain_.size() >= (1 << 20); }
  // The frame's bytes, header first, and its header; the builder is then empty. Errors: Internal.
  absl::StatusOr<std::string> Finish(FrameHeader& header);

 private:
  FrameHeader header_;
  std::string plain_;  // length-prefixed events, at most kMaxFrameBytes
};

}  // namespace tensorwarden
