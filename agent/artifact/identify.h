// Is this file a model, and of which format? By its bytes; a name only helps to choose between two readings.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorwarden {

struct Identity {
  std::string format;     // safetensors, gguf, pytorch_zip, pickle, onnx, numpy, npz, ...; "" = not a known AI format
  std::string klass;      // model, checkpoint, adapter, dataset, ...: see design of classes
  double confidence = 0;  // 0..1; 0.5 and more is a find
};

// Reads at most 64 KiB from the start and 64 KiB from the end of `fd` with pread(2); never executes, never unpickles,
// never allocates by a declared length. `name` is the last path component.
// Errors: the read's, as ErrnoToStatus.
absl::StatusOr<Identity> IdentifyFile(int fd, std::string_view name);

}  // namespace tensorwarden
