#include "agent/config/config.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "agent/base/digest.h"
#include "agent/base/files.h"
#include "agent/config/schema.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxDropIns = 256;

// Reads one text over what `agent` holds, and adds the text to `texts`.
absl::Status Apply(const std::string& name, const std::string& text, AgentConfig& agent, std::string& texts) {
  absl::StatusOr<config::YamlNode> root = config::ParseYaml(name, text);
  if (!root.ok()) return root.status();
  texts += text;
  return config::ReadMap(*root, name, config::TopKeys(), agent);
}

// *.yaml of the folder, sorted; none when there is no such folder.
absl::StatusOr<std::vector<std::string>> DropIns(const std::string& folder) {
  std::vector<std::string> files;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  if (dir == nullptr) {
    if (errno == ENOENT) return files;
    return absl::ErrnoToStatus(errno, fmt::format("read '{}'", folder));
  }
  while (const dirent* entry = readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name.front() == '.' || !name.ends_with(".yaml")) continue;
    if (files.size() == kMaxDropIns) {
      return absl::ResourceExhaustedError(fmt::format("'{}' holds more than {} files", folder, kMaxDropIns));
    }
    files.push_back(fmt::format("{}/{}", folder, name));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status ApplyFile(const std::string& path, AgentConfig& agent, std::string& texts) {
  absl::StatusOr<std::string> text = ReadFile(path, config::kMaxConfigBytes);
  return text.ok() ? Apply(path, *text, agent, texts) : text.status();
}

}  // namespace

absl::StatusOr<AgentConfig> LoadConfig(const std::string& path, bool must_exist) {
  AgentConfig agent;
  std::string texts;
  absl::Status status = ApplyFile(path, agent, texts);
  if (!status.ok() && (must_exist || !absl::IsNotFound(status))) return status;
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const absl::StatusOr<std::vector<std::string>> drop_ins = DropIns(folder + "conf.d");
  if (!drop_ins.ok()) return drop_ins.status();
  for (const std::string& file : *drop_ins) {
    if (status = ApplyFile(file, agent, texts); !status.ok()) return status;
  }
  agent.digest = Sha256Hex(texts);
  return agent;
}

absl::StatusOr<AgentConfig> ParseConfig(const std::string& name, const std::string& text) {
  AgentConfig agent;
  std::string texts;
  if (absl::Status status = Apply(name, text, agent, texts); !status.ok()) return status;
  agent.digest = Sha256Hex(texts);
  return agent;
}

}  // namespace tensorwarden
