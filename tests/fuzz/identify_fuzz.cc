// Identification of hostile files. The first byte chooses a name, because names break ties between readings.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/artifact/identify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static constexpr const char* kNames[] = {"x",     "m.safetensors", "m.gguf", "m.pt",           "m.pkl",
                                           "m.npy", "m.onnx",        "m.h5",   "saved_model.pb", "v.index"};
  static const int fd = memfd_create("identify", MFD_CLOEXEC);
  if (size == 0) return 0;
  if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes + 1, size - 1, 0) != static_cast<ssize_t>(size - 1)) std::abort();
  const auto identity = tensorwarden::IdentifyFile(fd, kNames[bytes[0] % std::size(kNames)]);
  if (!identity.ok() || (identity->confidence >= 0.5 && identity->format.empty())) std::abort();
  return 0;
}
