// YAML as the config needs it: a tree of maps, lists and scalars, each with the place it came from.
//
// Built from libfyaml's event stream rather than its documents, because events give exact places for maps and lists
// too. Aliases, tags, merge keys and second documents are refused: a config needs none of them, and each has surprised
// somebody.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tensorwarden::config {

inline constexpr size_t kMaxConfigBytes = 1 << 20;

struct YamlPlace {
  int line = 1;  // both from 1
  int column = 1;
};

struct YamlNode {
  enum class Kind : uint8_t { kScalar, kList, kMap };
  Kind kind = Kind::kScalar;
  bool plain = true;  // scalar without quotes
  YamlPlace place;
  std::string text;                                     // scalar
  std::vector<YamlNode> items;                          // list; of a map: the values
  std::vector<std::pair<std::string, YamlPlace>> keys;  // map: of items, in order

  // Nothing stands there: `egress:` alone, `~` or `null`.
  bool IsNull() const;
  const char* KindName() const;  // "a value", "a list", "a map"
};

// Errors: InvalidArgument `name:line:column: message`. An empty text is a null scalar.
absl::StatusOr<YamlNode> ParseYaml(const std::string& name, const std::string& text);

// InvalidArgument `name:line:column: message` in one line, whatever the message holds.
absl::Status ConfigError(const std::string& name, YamlPlace place, const std::string& message);

}  // namespace tensorwarden::config
