#include "agent/host/host_model.h"

#include <fmt/format.h>

#include "agent/base/device_majors.h"
#include "agent/host/accounts.h"
#include "agent/host/asset_table.h"
#include "agent/host/gpu_clients.h"
#include "agent/host/process_table.h"
#include "agent/host/serving_ports.h"
#include "agent/host/workload_match.h"
#include "bpf/abi/config.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

using Effects = std::vector<HostEffect>;

constexpr int kWorkerDepth = 4;  // a server's worker is at most this far below the process that listens

class HostModelImpl final : public HostModel {
 public:
  explicit HostModelImpl(HostModelConfig config)
      : config_(std::move(config)),
        processes_(config_.max_processes, config_.max_dead_processes),
        assets_(config_.max_assets) {}

  void Apply(const Event& event, Effects& effects) override {
    std::visit([&](const auto& body) { On(event, body, effects); }, event.body);
    for (ProcessKey key : processes_.TakeEvictedAlive()) ports_.Forget(key, effects);
  }

  const ProcessInfo* Process(ProcessKey key) const override {
    const ProcessRecord* record = key ? processes_.Find(key) : nullptr;
    return record == nullptr ? nullptr : &record->info;
  }
  const AssetInfo* Asset(const FileKey& file) const override { return assets_.Find(file); }
  const LabelInfo* Label(uint32_t bit) const override { return assets_.Label(bit); }
  uint64_t DerivedLabels(const FileKey& file) const override { return assets_.DerivedLabels(file); }
  std::vector<const ProcessInfo*> Processes() const override { return processes_.Sorted(); }
  std::vector<const AssetInfo*> Assets() const override { return assets_.Named(); }
  ProcessKey GpuClientOwner(uint32_t client) const override { return gpu_clients_.Owner(client); }
  bool IsServingPort(uint16_t port) const override { return ports_.Contains(port); }
  int64_t RealtimeNs(uint64_t ktime_ns) const override { return static_cast<int64_t>(ktime_ns) + realtime_offset_ns_; }
  const AgentStart& Start() const override { return start_; }
  std::string_view UserName(uint32_t uid) const override { return accounts_.UserName(uid); }
  std::string_view GroupName(uint32_t gid) const override { return accounts_.GroupName(gid); }
  HostModelStats Stats() const override {
    HostModelStats stats;
    stats.processes = processes_.Size();
    stats.evicted_processes = processes_.Evicted();
    assets_.AddTo(stats);
    return stats;
  }

  std::vector<Event> Restate(StateRestored restored) const override {
    std::vector<Event> events;
    AgentStart start = start_;
    start.realtime_offset_ns = realtime_offset_ns_;
    events.push_back({.body = std::move(start)});
    if (accounts_.Known()) events.push_back({.body = accounts_.All()});
    for (const AssetInfo* asset : assets_.Named()) events.push_back({.body = Refound(*asset)});
    for (const ProcessInfo* process : processes_.ByAge()) {
      if (process->exit_ns != 0 || process->key.start_ns == 0) continue;
      RestateProcess(*processes_.Find(process->key), events);
      if (process->labels == 0) continue;
      restored.holders.push_back({.process = process->key, .object = EVENT_OBJECT_PROCESS, .labels = process->labels});
    }
    assets_.AddDerivedTo(restored.holders);
    events.push_back({.body = std::move(restored)});
    return events;
  }

 private:
  static AssetFound Refound(const AssetInfo& asset) {
    return {.file = asset.file,
            .path = asset.path,
            .name = asset.name,
            .klass = asset.klass,
            .format = asset.format,
            .found_by = "state",
            .size = asset.size,
            .owner_uid = asset.owner_uid,
            .label = static_cast<int32_t>(asset.label)};
  }
  static void RestateProcess(const ProcessRecord& record, std::vector<Event>& events) {
    const ProcessInfo& info = record.info;
    if (record.known) {
      const auto flags = static_cast<uint16_t>(info.user_mounts ? EVENT_F_USER_MOUNTS : 0);
      events.push_back({.origin = {.process = info.key, .tid = info.key.tgid, .flags = flags},
                        .body = ProcessSnapshot{{.parent = info.parent,
                                                 .exe = info.exe,
                                                 .uid = info.uid,
                                                 .gid = info.gid,
                                                 .login_uid = info.login_uid,
                                                 .mnt_ns = info.mnt_ns,
                                                 .pid_ns = info.pid_ns,
                                                 .comm = info.comm,
                                                 .path = info.path,
                                                 .cwd = info.cwd,
                                                 .args = info.args,
                                                 .cgroup = info.cgroup}}});
    }
    for (const ListeningPort& listening : record.listens) {
      const SocketTuple socket{.local_port = listening.port};
      Event event{.origin = {.process = info.key, .tid = info.key.tgid}, .body = Listener{socket}};
      if (!listening.held_model_before) event.body = SocketState{.socket = socket, .op = EVENT_SOCK_LISTEN};
      events.push_back(std::move(event));
    }
  }

  // Most kinds only tell that their process lives.
  template <typename Body>
  void On(const Event& event, const Body&, Effects&) {
    Actor(event);
  }

  void On(const Event&, const AgentStart& start, Effects&) {
    start_ = start;
    realtime_offset_ns_ = start.realtime_offset_ns;
  }
  void On(const Event& event, const ClockTick& tick, Effects&) {
    realtime_offset_ns_ = tick.realtime_offset_ns;
    processes_.Expire(event.origin.ktime_ns);
  }

  void On(const Event& event, const ProcessFork& fork, Effects& effects) {
    if (!event.origin.process || !fork.child) return;
    ProcessRecord& child = processes_.Fork(event.origin.process, fork.child, event.origin.ktime_ns);
    Decide(child, effects);
  }
  void On(const Event& event, const ProcessExec& exec, Effects& effects) {
    if (event.origin.process)
      Decide(At(event, processes_.Exec(event.origin.process, exec, event.origin.ktime_ns)), effects);
  }
  void On(const Event& event, const ProcessSnapshot& snapshot, Effects& effects) {
    if (!event.origin.process) return;
    Decide(At(event, processes_.Snapshot(event.origin.process, snapshot.exec, event.origin.ktime_ns)), effects);
  }
  void On(const Event& event, const ProcessExit&, Effects& effects) {
    ProcessRecord* record = event.origin.process ? processes_.Find(event.origin.process) : nullptr;
    if (record == nullptr) return;
    const ProcessKey key = record->info.key;
    HandOverPorts(*record, effects);
    processes_.Exit(key, event.origin.ktime_ns);
    ports_.Forget(key, effects);
    gpu_clients_.Forget(key);
  }

  void On(const Event& event, const FileRead& read, Effects& effects) { GainLabels(event, read.labels, effects); }
  void On(const Event& event, const AssetHeld& held, Effects& effects) {
    const AssetInfo* asset = assets_.Find(held.file);
    GainLabels(event, asset == nullptr ? 0 : 1ull << asset->label, effects);
  }
  void On(const Event& event, const LabelMove& move, Effects& effects) {
    if (move.target_object == EVENT_OBJECT_PROCESS) return GainLabels(event, move.labels, effects);
    Actor(event);
    const bool file = move.target_object == EVENT_OBJECT_FILE || move.target_object == EVENT_OBJECT_MEMORY;
    if (file) assets_.Derive(move.target, move.labels);
  }

  void On(const Event& event, const StateRestored& restored, Effects& effects) {
    for (const LabelHolder& holder : restored.holders) {
      if (holder.process) {
        GainLabels(processes_.Ensure(holder.process, event.origin.ktime_ns), holder.labels, effects);
      } else if (holder.object == EVENT_OBJECT_FILE || holder.object == EVENT_OBJECT_MEMORY) {
        assets_.Derive(holder.file, holder.labels);
      }
    }
  }

  void On(const Event&, const AccountNames& names, Effects&) { accounts_.Take(names); }
  void On(const Event&, const RuleReload& reload, Effects&) {
    if (reload.ok) start_.rules_digest = reload.digest;
  }
  void On(const Event& event, const Listener& listener, Effects& effects) {
    // Which came first, the model or the socket, is not known of a process older than the agent.
    Listens(event, listener.socket.local_port, true, effects);
  }
  void On(const Event& event, const SocketState& socket, Effects& effects) {
    if (socket.op == EVENT_SOCK_LISTEN) return Listens(event, socket.socket.local_port, false, effects);
    Actor(event);
  }
  void On(const Event& event, const DeviceOpen& device, Effects& effects) {
    ProcessRecord* record = Actor(event);
    if (record == nullptr || (device.major != kNvidiaMajor && device.major != kDrmMajor)) return;
    record->opened_gpu = true;
    ports_.Refresh(*record, effects);
  }

  void On(const Event& event, const GpuCall& call, Effects&) {
    if (Actor(event) != nullptr) gpu_clients_.Take(event.origin.process, call);
  }

  void On(const Event& event, const AssetFound& found, Effects& effects) {
    assets_.Found(event, found, TreeOfActor(event), effects);
  }
  void On(const Event&, const AssetGone& gone, Effects& effects) { assets_.Gone(gone.file, effects); }
  void On(const Event& event, const FileName& name, Effects& effects) {
    Actor(event);
    assets_.Name(event, name, TreeOfActor(event), effects);
  }

  // What the record of an image says beside the image.
  static ProcessRecord& At(const Event& event, ProcessRecord& record) {
    record.info.user_mounts = (event.origin.flags & EVENT_F_USER_MOUNTS) != 0;
    return record;
  }
  // The event's process; a minimal entry when it was never heard of, nullptr when the event has none.
  ProcessRecord* Actor(const Event& event) {
    if (!event.origin.process) return nullptr;
    return &processes_.Ensure(event.origin.process, event.origin.ktime_ns);
  }
  ProcessKey TreeOfActor(const Event& event) const {
    const ProcessInfo* process = Process(event.origin.process);
    return process == nullptr ? event.origin.process : process->tree;
  }

  void GainLabels(const Event& event, uint64_t labels, Effects& effects) {
    if (ProcessRecord* record = Actor(event)) GainLabels(*record, labels, effects);
  }
  void GainLabels(ProcessRecord& record, uint64_t labels, Effects& effects) {
    if ((record.info.labels | labels) == record.info.labels) return;
    record.info.labels |= labels;
    if (HoldsModel(record)) MarkServerAbove(record, effects);
    Decide(record, effects);
  }
  bool HoldsModel(const ProcessRecord& record) const { return (record.info.labels & assets_.ModelLabels()) != 0; }

  // vLLM's engine and TorchServe's workers hold the model, their front end listens.
  void MarkServerAbove(ProcessRecord& worker, Effects& effects) {
    ProcessRecord* at = &worker;
    for (int depth = 0; at != nullptr && depth <= kWorkerDepth; ++depth) {
      if (at->suggestion.kind != worker.suggestion.kind) return;
      at->model_below = true;
      ports_.Refresh(*at, effects);
      at = at->info.parent ? processes_.Find(at->info.parent) : nullptr;
    }
  }

  void Listens(const Event& event, uint16_t port, bool before_agent, Effects& effects) {
    ProcessRecord* record = Actor(event);
    if (record == nullptr) return;
    ports_.Listen(*record, port, before_agent || HoldsModel(*record));
    Decide(*record, effects);
  }

  // Role, kernel flags and ports, after something about the process changed.
  void Decide(ProcessRecord& record, Effects& effects) {
    DecideRole(record);
    const uint32_t flags = FlagsOf(record.info);
    // A child inherits its parent's flags in the kernel, unless the parent was flagged after the fork: say it again.
    if (flags != 0 || record.flags != 0) TellFlags(record, flags, effects);
    ports_.Refresh(record, effects);
  }

  void TellFlags(ProcessRecord& record, uint32_t flags, Effects& effects) {
    if (flags == record.flags && record.told == record.info.key) return;
    record.flags = flags;
    record.told = record.info.key;
    effects.emplace_back(FlagProcess{record.info.key, flags});
  }

  static uint32_t FlagsOf(const ProcessInfo& info) {
    // Most model code is Python and has no name of its own. A report is one per process and large file.
    const bool ai = (info.role != Role::kNone && info.role != Role::kAdmin) || IsPython(info);
    return (info.role_confirmed ? uint32_t{PROCESS_F_CONFIRMED} : 0u) | (ai ? uint32_t{PROCESS_F_DISCOVER} : 0u);
  }

  void DecideRole(ProcessRecord& record) {
    ProcessInfo& info = record.info;
    record.suggestion = Suggest(record);
    record.spec = MatchWorkload(config_.workloads, info);
    info.role_confirmed = record.spec != nullptr;
    if (record.spec != nullptr) {
      info.role = record.spec->role;
      info.workload = record.spec->name;
    } else if (record.suggestion) {
      info.role = record.suggestion.role;
      info.workload = fmt::format("suggested:{}", record.suggestion.kind);
    } else if (HoldsModel(record) && !record.listens.empty()) {
      info.role = Role::kInference;
      info.workload = "suggested:listener";
    } else {
      info.role = Role::kNone;
      info.workload.clear();
    }
  }

  Suggestion Suggest(const ProcessRecord& record) const {
    const Suggestion own = SuggestRole(record.info);
    if (own || !IsMultiprocessingWorker(record.info)) return own;
    const ProcessRecord* parent = record.info.parent ? processes_.Find(record.info.parent) : nullptr;
    return parent == nullptr ? own : parent->suggestion;
  }

  // A server that forks into the background after it listened leaves its sockets to its child.
  void HandOverPorts(ProcessRecord& record, Effects& effects) {
    if (record.listens.empty()) return;
    ProcessRecord* heir = processes_.HeirOf(record);
    if (heir == nullptr) return;
    heir->model_below |= record.model_below;
    for (const ListeningPort& listening : record.listens)
      ports_.Listen(*heir, listening.port, listening.held_model_before);
    ports_.Refresh(*heir, effects);
  }

  HostModelConfig config_;
  ProcessTable processes_;
  AssetTable assets_;
  ServingPorts ports_;
  GpuClients gpu_clients_;
  Accounts accounts_;
  AgentStart start_;
  int64_t realtime_offset_ns_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HostModel>> HostModel::Create(HostModelConfig config) {
  if (config.max_processes == 0) return absl::InvalidArgumentError("max_processes must not be 0");
  if (config.max_assets == 0) return absl::InvalidArgumentError("max_assets must not be 0");
  if (config.max_dead_processes == 0) return absl::InvalidArgumentError("max_dead_processes must not be 0");
  if (absl::Status status = CheckWorkloads(config.workloads); !status.ok()) return status;
  return std::make_unique<HostModelImpl>(std::move(config));
}

}  // namespace tensorwarden
