// SARIF 2.1.0: remarks on files as code hosts and editors read them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tensorwarden {

struct SarifRule {
  std::string id;
  std::string text;
};

struct SarifResult {
  std::string rule;   // id of a SarifRule
  std::string level;  // error, warning, note
  std::string message;
  std::string path;  // "" none
  int line = 0;      // from 1; 0 none
  int column = 0;
};

nlohmann::ordered_json SarifDocument(const std::vector<SarifRule>& rules, const std::vector<SarifResult>& results);

}  // namespace tensorwarden
