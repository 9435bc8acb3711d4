// A Status's message for fmt: Debian's absl::string_view is a type of its own that fmt does not know.
#pragma once

#include <absl/status/status.h>

#include <string_view>

namespace tensorwarden {

// Lives as long as `status`.
inline std::string_view StatusText(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace tensorwarden
