#include "agent/config/table.h"

#include <fmt/ranges.h>

namespace tensorwarden::config {

absl::Status UnknownKey(const std::string& file, YamlPlace place, const std::string& key,
                        const std::vector<std::string_view>& known) {
  const std::string_view near = Nearest(key, known);
  const std::string shown = key.substr(0, 64);
  if (!near.empty()) return ConfigError(file, place, fmt::format("unknown key '{}'; did you mean '{}'?", shown, near));
  return ConfigError(file, place, fmt::format("unknown key '{}'; known here: {}", shown, fmt::join(known, ", ")));
}

absl::Status WrongKind(const std::string& file, const YamlNode& node, const char* want) {
  return ConfigError(file, node.place, fmt::format("expected {}, found {}", want, node.KindName()));
}

}  // namespace tensorwarden::config
