#include "agent/cli/sarif.h"

#include <fmt/format.h>

#include <algorithm>

namespace tensorwarden {
namespace {

using nlohmann::ordered_json;

// A relative path is a reference below the caller's directory; what a URI cannot hold is escaped.
std::string UriOf(const std::string& path) {
  constexpr std::string_view kPlain = "/-._~";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", byte);
    }
  }
  return uri;
}

ordered_json ToJson(const SarifResult& result, const std::vector<SarifRule>& rules) {
  const auto at =
      std::find_if(rules.begin(), rules.end(), [&](const SarifRule& rule) { return rule.id == result.rule; });
  ordered_json out = {{"ruleId", result.rule},
                      {"ruleIndex", at - rules.begin()},
                      {"level", result.level},
                      {"message", {{"text", result.message}}}};
  if (result.path.empty()) return out;
  ordered_json place = {{"artifactLocation", {{"uri", UriOf(result.path)}}}};
  if (result.line > 0) place["region"] = {{"startLine", result.line}, {"startColumn", std::max(result.column, 1)}};
  out["locations"] = ordered_json::array({{{"physicalLocation", place}}});
  return out;
}

}  // namespace

ordered_json SarifDocument(const std::vector<SarifRule>& rules, const std::vector<SarifResult>& results) {
  ordered_json driver = {{"name", "tensorwarden"}, {"version", TENSORWARDEN_VERSION}};
  driver["rules"] = ordered_json::array();
  for (const SarifRule& rule : rules) {
    driver["rules"].push_back({{"id", rule.id}, {"shortDescription", {{"text", rule.text}}}});
  }
  ordered_json run = {{"tool", {{"driver", driver}}}};
  run["results"] = ordered_json::array();
  for (const SarifResult& result : results) run["results"].push_back(ToJson(result, rules));
  ordered_json document = {{"$schema",
                            "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                            "sarif-schema-2.1.0.json"},
                           {"version", "2.1.0"}};
  document["runs"] = ordered_json::array({run});
  return document;
}

}  // namespace tensorwarden
