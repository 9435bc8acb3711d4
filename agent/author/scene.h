// The host that a test's events happen on: its processes and files by the names that the test gives them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/event/event.h"
#include "agent/rules/source_text.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::author {

class Scene {
 public:
  static constexpr uint64_t kStartNs = 1'000'000'000'000;  // boot time at which a test begins

  explicit Scene(rules::Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // `host` of a test; nullptr for none. What it leaves out has a default: one process `curl` below a shell, one model
  // `model`. Problems go to the diagnostics; false after an error.
  bool Read(const rules::YamlNode* host);

  // Its workloads; the rest is as by default.
  AgentConfig Config() const;
  // What the agent learns before the first event.
  const std::vector<Event>& setup() const { return setup_; }

  ProcessKey first_process() const { return first_process_; }
  FileKey first_asset() const { return first_asset_; }

  // A pid, known or not, or the name of a process; "none" is nobody. nullopt for another word.
  std::optional<ProcessKey> Process(std::string_view word) const;
  // The id of an asset, or a path; "none" is no file. A path that no asset has is a file of its own. nullopt for
  // another word, unless `may_be_new`.
  std::optional<FileKey> File(std::string_view word, bool may_be_new);
  std::vector<std::string_view> ProcessNames() const;
  std::vector<std::string_view> FileNames() const;  // ids, and paths

 private:
  bool ReadProcesses(const rules::YamlNode& node);
  bool ReadProcess(const rules::YamlNode& node);
  bool ReadAssets(const rules::YamlNode& node);
  bool ReadAsset(const rules::YamlNode& node);
  bool ReadWorkloads(const rules::YamlNode& node);
  bool ReadWorkload(const rules::YamlNode& node);
  void AddDefaultProcesses();
  void AddDefaultAsset();
  void AddProcess(uint32_t pid, const std::string& name, ProcessExec exec);
  void AddAsset(const std::string& id, AssetFound found);
  FileKey NewFile(const std::string& name);

  rules::Diagnostics& diagnostics_;
  std::vector<Event> setup_;
  std::vector<WorkloadSpec> workloads_;
  std::map<std::string, ProcessKey, std::less<>> processes_;
  std::map<std::string, FileKey, std::less<>> files_;  // by id, and by path
  ProcessKey first_process_;
  FileKey first_asset_;
};

// A pid's process: tests need no start times.
ProcessKey KeyOfPid(uint32_t pid);

}  // namespace tensorwarden::author
