// Events as bytes, in place: what reader and writer use for millions of them.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <string_view>

#include "agent/event/event.h"

namespace tensorwarden {

void AppendEvent(const Event& event, std::string& out);
// Errors: DataLoss; `event` then holds a part of it.
absl::Status DecodeEventInto(std::string_view bytes, Event& event);

}  // namespace tensorwarden
