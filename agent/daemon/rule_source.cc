#include "agent/daemon/rule_source.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <filesystem>

#include "agent/base/digest.h"
#include "agent/base/status_text.h"

namespace tensorwarden {
namespace {

constexpr const char* kInstalledRules = "/usr/share/tensorwarden/rules";

bool IsDirectory(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// "" when all rules run that are switched on in their files.
std::string ChoiceText(const RuleOptions& options) {
  std::string text;
  for (const RuleSwitch& one : options.switches) {
    text += fmt::format("{} '{}' tag '{}'\n", one.enable ? "enable" : "disable", one.name, one.tag);
  }
  if (options.minimum != Priority::kDebug) text += fmt::format("minimum {}\n", PriorityName(options.minimum));
  if (options.first_match_only) text += "first\n";
  return text;
}

}  // namespace

std::string ShippedRules() {
  char buffer[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", buffer, sizeof(buffer));
  std::string binary(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  const std::filesystem::path folder = std::filesystem::path(binary).parent_path();
  const std::string beside = (folder / ".." / "rules").lexically_normal().string();
  return IsDirectory(beside) ? beside : kInstalledRules;
}

absl::StatusOr<std::vector<RuleFile>> ReadRules(const std::vector<std::string>& paths) {
  absl::StatusOr<std::vector<RuleFile>> files =
      LoadRuleFiles(paths.empty() ? std::vector<std::string>{ShippedRules()} : paths);
  if (!files.ok() && paths.empty()) {
    return absl::NotFoundError(
        fmt::format("{}: give --rules, or install the shipped rules", StatusText(files.status())));
  }
  return files;
}

absl::StatusOr<LoadedRules> LoadRules(const std::vector<std::string>& paths, const RuleOptions& options) {
  absl::StatusOr<std::vector<RuleFile>> files = ReadRules(paths);
  if (!files.ok()) return files.status();
  LoadedRules loaded;
  absl::StatusOr<std::unique_ptr<RuleSet>> rules = RuleSet::Compile(*files, loaded.warnings, options);
  if (!rules.ok()) return rules.status();
  loaded.rules = *std::move(rules);
  std::string text;
  for (const RuleFile& file : *files) text += file.text;
  loaded.digest = Sha256Hex(text + ChoiceText(options));
  return loaded;
}

}  // namespace tensorwarden
