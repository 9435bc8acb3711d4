// The sensor on a real kernel.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/sensor/asked_hooks.h"
#include "agent/sensor/capabilities.h"
#include "agent/sensor/cgroup_paths.h"
#include "agent/sensor/egress_ledger.h"
#include "agent/sensor/escalation.h"
#include "agent/sensor/file_marks.h"
#include "agent/sensor/gpu_watch.h"
#include "agent/sensor/host_watch.h"
#include "agent/sensor/kernel_maps.h"
#include "agent/sensor/loader.h"
#include "agent/sensor/loss_ledger.h"
#include "agent/sensor/mount_names.h"
#include "agent/sensor/mount_watch.h"
#include "agent/sensor/name_book.h"
#include "agent/sensor/name_scans.h"
#include "agent/sensor/process_starts.h"
#include "agent/sensor/raw_devices.h"
#include "agent/sensor/rings.h"
#include "agent/sensor/send_progress.h"
#include "agent/sensor/sensor.h"
#include "agent/sensor/shares.h"
#include "agent/sensor/snapshot.h"

namespace tensorwarden {

class LiveSensor final : public Sensor {
 public:
  static absl::StatusOr<std::unique_ptr<LiveSensor>> Create(const SensorConfig& config, const SensorPaths& paths);

  std::vector<ProbeRow> Probes() const override;
  absl::Status Ask(const SensorDemand& demand) override;
  const std::vector<Capability>& capabilities() const { return capabilities_; }
  int PollFd() const override { return epoll_.get(); }
  size_t Drain(size_t max, std::vector<Event>& events) override;
  absl::StatusOr<FileKey> KeyOf(int fd) override;
  absl::Status Watch(const FileKey& file, uint32_t label, uint64_t size, uint64_t label_size,
                     const std::string& path) override;
  absl::Status Unwatch(const FileKey& file) override;
  absl::Status SetProcessFlags(const ProcessKey& process, uint32_t flags) override;
  absl::Status SetServingPort(uint16_t port, bool on, const std::string& cgroup) override;
  absl::Status WatchDirectory(const std::string& path) override;
  absl::Status RestoreHolder(const LabelHolder& holder) override;
  absl::Status Snapshot(std::vector<Event>& events) override;
  absl::StatusOr<Holdings> HoldingsOf(const ProcessKey& process) const override;
  void Sample(std::vector<Event>& events) override;
  std::vector<LabelHolder> Holders() const override;
  std::vector<LostRow> Lost() const override;
  absl::Status Escalate() override;
  bool Escalated() const override { return escalation_->Active(); }
  void Tick() override;

 private:
  // Processes that opened an asset and may be about to map it: looked at again for some seconds.
  struct Opener {
    ProcessKey process;
    int looks_left;
  };

  explicit LiveSensor(const SensorConfig& config) : config_(config) {}
  absl::Status Start(const KernelFeatures& kernel);
  absl::Status StartPolling();
  absl::Status Raise(const char* why);
  bool Stand(When when) const;
  void Complete(Event& event);
  void TakeDevice(const ProcessKey& process, const DeviceOpen& open);
  void TakeHints(size_t first, std::vector<Event>& events);
  bool HasHints(const std::string& path) const;
  absl::Status WatchNames(const FileKey& file, const std::string& path);
  void TakeOpens(const std::vector<AssetOpen>& opens, std::vector<Event>& events);
  void LookAtOpeners();
  void BeginCarriers(size_t first, const std::vector<Event>& events);
  void SweepStreams();
  ProcessKey ProcessOf(uint32_t tgid);

  const SensorConfig config_;
  std::vector<Capability> capabilities_;
  std::unique_ptr<LoadedProbes> probes_;
  std::map<uint16_t, std::string> serving_;  // port -> control group of who listens
  std::map<std::string, Link> meters_;       // by control group; a segment that two of them see is told twice
  std::unique_ptr<KernelMaps> maps_;
  std::unique_ptr<Rings> rings_;
  std::unique_ptr<NameBook> names_;
  std::unique_ptr<NameScans> scans_;  // where probes hint at changes of names
  std::unique_ptr<MountWatch> mounts_;
  std::unique_ptr<HostWatch> host_;
  std::unique_ptr<FileMarks> marks_;  // elsewhere; nullptr where fanotify does not work
  std::string no_marks_why_;
  std::unique_ptr<CgroupPaths> cgroups_;
  std::unique_ptr<Escalation> escalation_;
  std::unique_ptr<AskedHooks> asked_;
  SensorDemand demand_;
  std::unique_ptr<class Snapshot> snapshot_;
  std::unique_ptr<Shares> shares_;
  std::unique_ptr<RawDevices> raw_devices_;
  std::unique_ptr<GpuWatch> gpu_;
  bool new_modules_ = false;  // since the last Tick(): one may bring an accelerator
  UniqueFd epoll_;
  ProcessStarts starts_;
  EgressLedger ledger_;
  MountNames mount_names_;
  std::unique_ptr<SendProgress> sends_;
  LossLedger losers_;
  std::deque<Opener> openers_;
  absl::flat_hash_map<FileKey, uint64_t> memory_assets_;  // in tmpfs and its like -> size; reads of them have no hook
  std::vector<Event> pending_;                            // found by Tick(), told by the next Drain()
  absl::flat_hash_map<std::string, LostRow> told_losses_;
  uint64_t ticks_ = 0;
};

}  // namespace tensorwarden
