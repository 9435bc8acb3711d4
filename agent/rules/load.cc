#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/rules/ruleset.h"

namespace tensorwarden {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxFiles = 10'000;

absl::StatusOr<std::vector<fs::path>> FilesOf(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(fmt::format("{}: no such rule file or directory", path));
  }
  if (!fs::is_directory(path, error)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const fs::path extension = at->path().extension();
    const bool is_hidden = at->path().filename().string().starts_with('.');  // an editor's
    if (!is_hidden && (extension == ".yaml" || extension == ".yml")) files.push_back(at->path());
    if (files.size() > kMaxFiles) return absl::ResourceExhaustedError(fmt::format("{}: too many rule files", path));
  }
  if (error) return absl::FailedPreconditionError(fmt::format("{}: {}", path, error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<RuleFile> ReadRuleFile(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return absl::FailedPreconditionError(fmt::format("{}: not a regular file", path.string()));
  }
  if (fs::file_size(path, error) > kMaxFileBytes) {
    return absl::ResourceExhaustedError(fmt::format("{}: larger than 4 MiB", path.string()));
  }
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  // An empty file leaves the failbit on `text`; only the source decides.
  if (stream) text << stream.rdbuf();
  if (!stream || stream.bad()) {
    return absl::FailedPreconditionError(fmt::format("open '{}': {}", path.string(), std::strerror(errno)));
  }
  return RuleFile{path.string(), text.str()};
}

}  // namespace

absl::StatusOr<std::vector<RuleFile>> LoadRuleFiles(const std::vector<std::string>& paths) {
  std::vector<RuleFile> loaded;
  for (const std::string& path : paths) {
    absl::StatusOr<std::vector<fs::path>> files = FilesOf(path);
    if (!files.ok()) return files.status();
    for (const fs::path& file : *files) {
      absl::StatusOr<RuleFile> read = ReadRuleFile(file);
      if (!read.ok()) return read.status();
      loaded.push_back(*std::move(read));
    }
  }
  return loaded;
}

}  // namespace tensorwarden
