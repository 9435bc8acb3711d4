// Any text as a config: never a crash; an error is one line that starts with the file's name.
#include <cstdlib>
#include <string>

#include "agent/config/config.h"
#include "tests/fuzz/libfyaml_leaks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<tensorwarden::AgentConfig> config = tensorwarden::ParseConfig("fuzz.yaml", text);
  if (config.ok()) return 0;
  const std::string error(config.status().message());
  if (!error.starts_with("fuzz.yaml:") || error.find('\n') != std::string::npos) abort();
  return 0;
}
