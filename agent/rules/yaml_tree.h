// YAML as a plain tree with positions. The only file pair here that knows libfyaml.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

struct YamlPair;

struct YamlNode {
  enum class Kind : uint8_t { kScalar, kSequence, kMapping };
  Kind kind = Kind::kScalar;
  bool quoted = false;  // a scalar in quotes or a block: never a boolean or null
  Place place;
  MappedText scalar;
  std::vector<YamlNode> items;
  std::vector<YamlPair> pairs;
};

struct YamlPair {
  Place place;
  std::string key;
  YamlNode value;
};

// Reads a file; when it has several documents, which must be sequences then, their items are one sequence. Empty text
// is an empty one. nullopt after an error, which is in `diagnostics`: bad syntax, a duplicate key, an alias, a
// directive, a key that is no scalar, more than 1 Mi nodes, text over 4 MiB, with a NUL or not in UTF-8.
std::optional<YamlNode> ReadYaml(const SourceFile& file, Diagnostics& diagnostics);

}  // namespace tensorwarden::rules
