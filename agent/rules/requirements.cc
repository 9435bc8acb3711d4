#include "agent/rules/requirements.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kEngine = "required_engine_version";
constexpr std::string_view kPlugins = "required_plugin_versions";

using Version = std::array<uint32_t, 3>;
constexpr Version kKnown = {0, 63, 0};  // Falco's engine whose language this is

// "0.57.0", or a whole number N for 0.N.0, as engines counted before.
std::optional<Version> ParseVersion(std::string_view text) {
  Version version{};
  size_t parts = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (parts < version.size()) {
    const auto parsed = std::from_chars(at, end, version[parts++]);
    if (parsed.ec != std::errc()) return std::nullopt;
    at = parsed.ptr;
    if (at == end) break;
    if (*at != '.') return std::nullopt;
    ++at;
  }
  if (at != end) return std::nullopt;
  return parts == 1 ? Version{0, version[0], 0} : version;
}

void CheckEngine(const YamlNode& node, Diagnostics& diagnostics) {
  const std::optional<Version> version = ParseVersion(node.scalar.text());
  if (!version) {
    return diagnostics.Warning(node.place, fmt::format("{} must be a number or a version, as in 0.57.0", kEngine));
  }
  if (*version <= kKnown) return;
  diagnostics.Warning(node.place, fmt::format("the file asks for Falco's engine {}; what is newer than {}.{}.{} is not "
                                              "known here",
                                              Printable(node.scalar.text()), kKnown[0], kKnown[1], kKnown[2]));
}

void CheckPlugins(const YamlNode& node, Diagnostics& diagnostics) {
  for (const YamlNode& plugin : node.items) {
    std::string name = "?";
    for (const YamlPair& pair : plugin.pairs) {
      if (pair.key == "name") name = pair.value.scalar.text();
    }
    diagnostics.Warning(plugin.place, fmt::format("there are no plugins here: a field that only Falco's plugin '{}' "
                                                  "fills is empty or unknown",
                                                  Printable(name)));
  }
}

}  // namespace

bool IsRequirement(std::string_view key) { return key == kEngine || key == kPlugins; }

void CheckRequirement(const YamlPair& pair, Diagnostics& diagnostics) {
  pair.key == kEngine ? CheckEngine(pair.value, diagnostics) : CheckPlugins(pair.value, diagnostics);
}

}  // namespace tensorwarden::rules
