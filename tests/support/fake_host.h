// A host model that is told what is true: rules are tested without one that has to be convinced by events.
#pragma once

#include <map>
#include <vector>

#include "agent/host/host_model.h"

namespace tensorwarden {

class FakeHost final : public HostModel {
 public:
  void Apply(const Event&, std::vector<HostEffect>&) override {}
  const ProcessInfo* Process(ProcessKey key) const override {
    const auto at = processes.find(key);
    return at == processes.end() ? nullptr : &at->second;
  }
  const AssetInfo* Asset(const FileKey& file) const override {
    const auto at = assets.find(file);
    return at == assets.end() ? nullptr : &at->second;
  }
  const LabelInfo* Label(uint32_t bit) const override {
    const auto at = labels.find(bit);
    return at == labels.end() ? nullptr : &at->second;
  }
  uint64_t DerivedLabels(const FileKey&) const override { return 0; }
  std::vector<const ProcessInfo*> Processes() const override { return {}; }
  std::vector<const AssetInfo*> Assets() const override {
    std::vector<const AssetInfo*> all;
    for (const auto& [key, asset] : assets) all.push_back(&asset);
    return all;
  }
  bool IsServingPort(uint16_t) const override { return false; }
  ProcessKey GpuClientOwner(uint32_t) const override { return {}; }
  int64_t RealtimeNs(uint64_t ktime_ns) const override { return static_cast<int64_t>(ktime_ns) + realtime_offset_ns; }
  const AgentStart& Start() const override { return start; }
  std::string_view UserName(uint32_t uid) const override { return users.contains(uid) ? users.at(uid) : ""; }
  std::string_view GroupName(uint32_t gid) const override { return groups.contains(gid) ? groups.at(gid) : ""; }
  HostModelStats Stats() const override { return {}; }
  std::vector<Event> Restate(StateRestored) const override { return {}; }

  std::map<ProcessKey, ProcessInfo> processes;
  std::map<FileKey, AssetInfo> assets;
  std::map<uint32_t, LabelInfo> labels;
  std::map<uint32_t, std::string_view> users;
  std::map<uint32_t, std::string_view> groups;
  AgentStart start;
  int64_t realtime_offset_ns = 0;
};

}  // namespace tensorwarden
