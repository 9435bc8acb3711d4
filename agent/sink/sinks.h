// The table of sinks, and how one is made.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "agent/sink/sink.h"

namespace tensorwarden {

enum class AlertFormat : uint8_t { kJson, kFalco, kText };

struct SinkConfig {
  std::string type = "stdout";  // stdout, file
  AlertFormat format = AlertFormat::kJson;
  std::string path;               // file: where
  uint64_t max_bytes = 64 << 20;  // file: rotate past this size
  int keep = 5;                   // file: rotated files kept, path.1 the newest
};

// Errors: InvalidArgument for an unknown type or a file without a path; the file's own error with its path.
absl::StatusOr<std::unique_ptr<Sink>> CreateSink(const SinkConfig& config);

// One line without newline.
std::string EncodeAlert(const Alert& alert, AlertFormat format);

}  // namespace tensorwarden
