// The only reader of wire bytes.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <span>

#include "agent/event/event.h"

namespace tensorwarden {

// Decodes one ring-buffer record into an owning Event (seq 0).
//
// `record` is the exact sample; it may be unaligned and is not retained. Bytes after a string's NUL or past a
// length field are stale ring contents and are never read.
//
// Errors: DataLoss if shorter than its kind requires or a length field points outside it; Unimplemented for an
// unknown kind (bpf/ newer than agent/): count it and go on.
absl::StatusOr<Event> DecodeEvent(std::span<const std::byte> record);

}  // namespace tensorwarden
