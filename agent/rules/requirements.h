// required_engine_version and required_plugin_versions: what a file demands of Falco.
#pragma once

#include <string_view>

#include "agent/rules/source_text.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::rules {

bool IsRequirement(std::string_view key);
// Warns of what we do not have; nothing here keeps a file from loading.
void CheckRequirement(const YamlPair& pair, Diagnostics& diagnostics);

}  // namespace tensorwarden::rules
