#include "agent/sensor/kernel_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "agent/base/device_majors.h"
#include "agent/base/files.h"
#include "agent/sensor/map_iteration.h"
#include "agent/sensor/process_starts.h"
#include "agent/sensor/skeleton.h"
#include "bpf/abi/state.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kMinEgressStep = 64 << 10;
constexpr uint32_t kRebuildAfter = 1024;  // stale bits cost a map lookup per access, rebuilding costs a walk

int Fd(const bpf_map* map) { return bpf_map__fd(map); }

// NOLINTNEXTLINE(readability-non-const-parameter): the atomics write through it
void SetBit(uint64_t* words, uint32_t bit, bool on) {
  const uint64_t mask = uint64_t{1} << (bit % 64);
  if (on)
    __atomic_fetch_or(&words[bit / 64], mask, __ATOMIC_SEQ_CST);
  else
    __atomic_fetch_and(&words[bit / 64], ~mask, __ATOMIC_SEQ_CST);
}

// The skeleton's type and ours: two names of one thing.
uint64_t* Words(__u64* words) {
  static_assert(sizeof(__u64) == sizeof(uint64_t));
  return reinterpret_cast<uint64_t*>(words);
}

template <typename State>
LabelHolder ToHolder(const State& state) {
  LabelHolder holder;
  holder.labels = state.labels;
  for (uint32_t bit = 0; bit < LABEL_COUNT; ++bit)
    if ((state.labels >> bit & 1) != 0) holder.volumes.emplace_back(bit, state.volume[bit]);
  return holder;
}

template <typename State>
void FillLabels(const LabelHolder& holder, State& state) {
  state.labels = holder.labels;
  for (const auto& [bit, bytes] : holder.volumes)
    if (bit < LABEL_COUNT) state.volume[bit] = bytes;
}

uint32_t FlagsOf(const SensorDemand& demand) {
  uint32_t flags = 0;
  if (demand.opens) flags |= CONFIG_F_OPENS;
  if (demand.sockets) flags |= CONFIG_F_SOCKETS;
  if (demand.workload_sockets) flags |= CONFIG_F_WORKLOAD_SOCKETS;
  if (demand.dns) flags |= CONFIG_F_DNS;
  if (demand.host_changes) flags |= CONFIG_F_HOST;
  return flags;
}

absl::Status MapError(int64_t error, const char* map) {
  if (error == 0) return absl::OkStatus();
  if (error == -E2BIG || error == -ENOSPC || error == -ENOMEM)
    return absl::ResourceExhaustedError(fmt::format("BPF map {} is full", map));
  return absl::ErrnoToStatus(static_cast<int>(-error), fmt::format("BPF map {}", map));
}

}  // namespace

event_file_key ToWire(const FileKey& key) { return {key.dev, key.ino, key.generation, 0}; }
event_process_key ToWire(const ProcessKey& key) { return {key.start_ns, key.tgid, 0}; }
FileKey FromWire(const event_file_key& key) { return {key.dev, key.ino, key.generation}; }
ProcessKey FromWire(const event_process_key& key) { return {key.tgid, key.start_ns}; }

const char* WireKindName(uint32_t kind) {
  static constexpr const char* kNames[] = {
      "other",          "process_fork", "process_exec", "process_exit", "file_read",   "file_change",
      "file_open",      "label",        "egress",       "socket",       "device_open", "http_segment",
      "file_candidate", "name_hint",    "host_change",  "dns_query",    "gpu_call"};
  static_assert(std::size(kNames) == EVENT_KIND_MAX);
  return kind < EVENT_KIND_MAX ? kNames[kind] : "unknown";
}

std::vector<DeviceNodes> GpuDevices(std::string_view devices) {
  struct Driver {
    std::string_view prefix;  // of the name that it registers; the first that fits counts
    uint32_t driver;
  };
  static constexpr Driver kDrivers[] = {{"nvidia-uvm", EVENT_GPU_UVM},
                                        {"nvidia-caps", EVENT_GPU_CAPS},
                                        {"nvidia-fs", EVENT_GPU_STORAGE},
                                        {"nvidia-", 0},
                                        {"nvidia", EVENT_GPU_NVIDIA},
                                        {"drm", EVENT_GPU_DRM},
                                        {"accel", EVENT_GPU_DRM},
                                        {"kfd", EVENT_GPU_KFD},
                                        {"habanalabs", EVENT_GPU_HABANA},
                                        {"gdrdrv", EVENT_GPU_GDRCOPY},
                                        {"infiniband_verbs", EVENT_GPU_VERBS}};
  // NVIDIA's module may come later than the agent; its number is fixed, and several names share it.
  std::vector<DeviceNodes> found = {{kNvidiaMajor, EVENT_GPU_NVIDIA}};
  std::istringstream lines{std::string(devices)};
  for (std::string line; std::getline(lines, line) && !line.starts_with("Block devices");) {
    std::istringstream fields(line);
    uint32_t major = 0;
    std::string name;
    if (!(fields >> major >> name)) continue;
    const auto* driver = std::find_if(std::begin(kDrivers), std::end(kDrivers),
                                      [&](const Driver& d) { return name.starts_with(d.prefix); });
    const bool known = std::any_of(found.begin(), found.end(), [&](const DeviceNodes& d) { return d.major == major; });
    if (driver != std::end(kDrivers) && !known) found.push_back({major, driver->driver});
  }
  return found;
}

absl::Status KernelMaps::Change(const std::function<void(sensor_config&)>& change) const {
  const uint32_t key = 0;
  sensor_config settings{};
  if (bpf_map_lookup_elem(Fd(skeleton_.maps.settings), &key, &settings) != 0) return MapError(-errno, "settings");
  change(settings);
  const int error = bpf_map_update_elem(Fd(skeleton_.maps.settings), &key, &settings, BPF_ANY);
  return MapError(error == 0 ? 0 : -errno, "settings");
}

absl::Status KernelMaps::Ask(const SensorDemand& demand) {
  return Change([&](sensor_config& settings) { settings.flags = FlagsOf(demand); });
}

absl::Status KernelMaps::FindDevices(const SensorConfig& config) {
  devices_ = config.devices;
  if (devices_.empty()) devices_ = GpuDevices(ReadFile("/proc/devices", 1 << 20).value_or(""));
  return Change([&](sensor_config& settings) {
    devices_.resize(std::min(devices_.size(), std::size(settings.device_majors)));
    std::fill(std::begin(settings.device_majors), std::end(settings.device_majors), 0);
    for (size_t i = 0; i < devices_.size(); ++i) {
      settings.device_drivers[i] = devices_[i].driver;
      settings.device_majors[i] = devices_[i].major;
    }
  });
}

absl::Status KernelMaps::Configure(const SensorConfig& config) {
  absl::Status status = Change([&](sensor_config& settings) {
    settings.agent_tgid = static_cast<uint32_t>(getpid());
    settings.discover_min_bytes = config.discover_min_bytes;
  });
  return status.ok() ? FindDevices(config) : status;
}

absl::Status KernelMaps::RunProgram(const char* group, void* context, size_t size) const {
  const bpf_program* program = probes_.Chosen(group);
  if (program == nullptr) return absl::FailedPreconditionError(fmt::format("program {} did not load", group));
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = static_cast<uint32_t>(size));
  if (bpf_prog_test_run_opts(bpf_program__fd(program), &options) != 0)
    return absl::ErrnoToStatus(errno, fmt::format("run program {}", group));
  return absl::OkStatus();
}

absl::StatusOr<query_fd_args> KernelMaps::QueryFd(int fd) const {
  query_fd_args args{};
  args.fd = fd;
  if (absl::Status status = RunProgram("query_file", &args, sizeof(args)); !status.ok()) return status;
  if (args.error != 0) return absl::ErrnoToStatus(-args.error, fmt::format("descriptor {}", fd));
  return args;
}

absl::Status KernelMaps::SetProcess(const ProcessKey& process, const process_state& state, bool keep_flags) {
  set_process_args args{};
  args.process = ToWire(process);
  args.state = state;
  args.keep_flags = keep_flags ? 1 : 0;
  if (absl::Status status = RunProgram("set_process", &args, sizeof(args)); !status.ok()) return status;
  if (absl::Status status = MapError(args.error, "processes"); !status.ok()) return status;
  // Only now: had it ended before the entry was made, nobody would take the entry away.
  if (IsAlive(process)) return absl::OkStatus();
  bpf_map_delete_elem(Fd(skeleton_.maps.processes), &args.process);
  return absl::NotFoundError(fmt::format("process {} is gone", process.tgid));
}

absl::Status KernelMaps::SetObject(const FileKey& file, const object_state& state) {
  set_object_args args{};
  args.file = ToWire(file);
  args.state = state;
  if (absl::Status status = RunProgram("set_object", &args, sizeof(args)); !status.ok()) return status;
  return MapError(args.error, "objects");
}

absl::Status KernelMaps::Watch(const FileKey& file, uint32_t label, uint64_t size, uint64_t label_size) {
  if (label >= LABEL_COUNT) return absl::InvalidArgumentError(fmt::format("label {} is above 63", label));
  label_limits limits{};
  limits.size = label_size;
  limits.step = std::max<uint64_t>(kMinEgressStep, label_size / 256);
  if (bpf_map_update_elem(Fd(skeleton_.maps.label_limits), &label, &limits, BPF_ANY) != 0)
    return MapError(-errno, "label_limits");
  object_state state{};
  state.labels = uint64_t{1} << label;
  state.size = size;
  state.flags = OBJECT_F_WATCHED;
  state.kind = EVENT_OBJECT_FILE;
  state.volume[label] = size;
  return SetObject(file, state);
}

absl::Status KernelMaps::WatchRaw(const FileKey& device, const LabelHolder& assets) {
  absl::Status status = Change([&](sensor_config& settings) { settings.raw_dev = device.dev; });
  if (!status.ok()) return status;
  object_state state{};
  FillLabels(assets, state);
  state.flags = OBJECT_F_RAW;
  state.kind = EVENT_OBJECT_FILE;
  return SetObject(device, state);
}

absl::Status KernelMaps::WatchDirectory(const FileKey& directory) {
  object_state state{};
  state.flags = OBJECT_F_DIRECTORY;
  return SetObject(directory, state);
}

bool KernelMaps::FindObject(const FileKey& file, object_state& state) const {
  const uint32_t bit = object_filter_bit(file.dev, file.ino);
  if ((skeleton_.bss->object_filter[bit / 64] >> (bit % 64) & 1) == 0) return false;
  const event_file_key key = ToWire(file);
  return bpf_map_lookup_elem(Fd(skeleton_.maps.objects), &key, &state) == 0;
}

bool KernelMaps::FindProcess(const ProcessKey& process, process_state& state) const {
  const event_process_key key = ToWire(process);
  return bpf_map_lookup_elem(Fd(skeleton_.maps.processes), &key, &state) == 0;
}

bool KernelMaps::IsWatched(const FileKey& file) const {
  object_state state;
  return FindObject(file, state) && (state.flags & OBJECT_F_WATCHED) != 0;
}

uint64_t KernelMaps::Labels(const FileKey& file) const {
  object_state state;
  return FindObject(file, state) ? state.labels : 0;
}

bool KernelMaps::Carries(const ProcessKey& process, uint64_t labels) const {
  process_state state;
  return FindProcess(process, state) && (state.labels & labels) == labels;
}

bool KernelMaps::IsConfirmed(const ProcessKey& process) const {
  process_state state;
  return FindProcess(process, state) && (state.flags & (PROCESS_F_CONFIRMED | PROCESS_F_IGNORE)) != 0;
}

absl::Status KernelMaps::Unwatch(const FileKey& file) {
  const event_file_key key = ToWire(file);
  if (bpf_map_delete_elem(Fd(skeleton_.maps.objects), &key) != 0 && errno != ENOENT) return MapError(-errno, "objects");
  if (++removed_ >= kRebuildAfter) RebuildFilter();
  return absl::OkStatus();
}

// Bits are shared, so stale ones go only all together. A probe may add an entry while this runs: the second walk sets
// the bits that the swap took from such entries; in between its accesses go unseen for some milliseconds.
void KernelMaps::RebuildFilter() {
  removed_ = 0;
  std::vector<uint64_t> fresh(std::size(skeleton_.bss->object_filter));
  uint64_t* live = Words(skeleton_.bss->object_filter);
  const auto set = [this](uint64_t* words) {
    ForEachEntry<event_file_key, object_state>(Fd(skeleton_.maps.objects),
                                               [&](const event_file_key& key, const object_state&) {
                                                 SetBit(words, object_filter_bit(key.dev, key.ino), true);
                                               });
  };
  set(fresh.data());
  for (size_t i = 0; i < fresh.size(); ++i)
    if (live[i] != fresh[i]) __atomic_store_n(&live[i], fresh[i], __ATOMIC_SEQ_CST);
  set(live);
}

bool IsStream(uint32_t object) {
  return object == EVENT_OBJECT_PIPE || object == EVENT_OBJECT_UNIX || object == EVENT_OBJECT_TERMINAL ||
         object == EVENT_OBJECT_LOCAL;
}

std::vector<FileKey> KernelMaps::Streams() const {
  std::vector<FileKey> streams;
  ForEachEntry<event_file_key, object_state>(Fd(skeleton_.maps.objects),
                                             [&](const event_file_key& key, const object_state& state) {
                                               if (IsStream(state.kind)) streams.push_back(FromWire(key));
                                             });
  return streams;
}

absl::Status KernelMaps::SetProcessFlags(const ProcessKey& process, uint32_t flags) {
  process_state state{};
  state.flags = flags;
  return SetProcess(process, state, false);
}

absl::Status KernelMaps::RestoreHolder(const LabelHolder& holder) {
  if (holder.object == EVENT_OBJECT_PROCESS || holder.process) {
    process_state state{};
    FillLabels(holder, state);
    return SetProcess(holder.process, state, true);
  }
  if (!holder.file) return absl::InvalidArgumentError("holder names neither a process nor an object");
  if (IsWatched(holder.file)) return absl::OkStatus();  // an asset now: it has its own label
  object_state state{};
  FillLabels(holder, state);
  state.kind = holder.object;
  state.size = holder.size;
  state.flags = OBJECT_F_DERIVED;
  return SetObject(holder.file, state);
}

LabelHolder KernelMaps::Holder(const ProcessKey& process) const {
  process_state state;
  return FindProcess(process, state) ? ToHolder(state) : LabelHolder{};
}

std::vector<LabelHolder> KernelMaps::Holders() const {
  std::vector<LabelHolder> holders;
  ForEachEntry<event_process_key, process_state>(Fd(skeleton_.maps.processes),
                                                 [&](const event_process_key& key, const process_state& state) {
                                                   if (state.labels == 0) return;
                                                   holders.push_back(ToHolder(state));
                                                   holders.back().process = FromWire(key);
                                                   holders.back().object = EVENT_OBJECT_PROCESS;
                                                 });
  ForEachEntry<event_file_key, object_state>(
      Fd(skeleton_.maps.objects), [&](const event_file_key& key, const object_state& state) {
        if (state.labels == 0 || (state.flags & (OBJECT_F_WATCHED | OBJECT_F_RAW)) != 0) return;
        holders.push_back(ToHolder(state));
        holders.back().file = FromWire(key);
        holders.back().object = state.kind;
        holders.back().size = state.size;
      });
  return holders;
}

bool KernelMaps::HasUnconfirmedCarrier() const {
  bool found = false;
  ForEachEntry<event_process_key, process_state>(
      Fd(skeleton_.maps.processes), [&](const event_process_key&, const process_state& state) {
        found |= state.labels != 0 && (state.flags & (PROCESS_F_CONFIRMED | PROCESS_F_IGNORE)) == 0;
      });
  return found;
}

void KernelMaps::SetServingPort(uint16_t port, bool on) { SetBit(Words(skeleton_.bss->serving_ports), port, on); }

bool KernelMaps::IsServingPort(uint16_t port) const {
  return (skeleton_.bss->serving_ports[port / 64] >> (port % 64) & 1) != 0;
}

void KernelMaps::SetListening(uint16_t port) { SetBit(Words(skeleton_.bss->listen_ports), port, true); }

std::vector<EgressTotal> KernelMaps::EgressTotals() const {
  std::vector<EgressTotal> totals;
  ForEachEntry<egress_key, egress_state>(Fd(skeleton_.maps.egress),
                                         [&](const egress_key& key, const egress_state& state) {
                                           if (key.label >= LABEL_COUNT) return;
                                           process_state process;
                                           const bool lives = FindProcess(FromWire(key.process), process);
                                           totals.push_back({.socket = state.sock,
                                                             .process = FromWire(key.process),
                                                             .cgroup_id = state.cgroup_id,
                                                             .cookie = key.cookie,
                                                             .bytes = state.bytes,
                                                             .volume = lives ? process.volume[key.label] : 0,
                                                             .label = key.label,
                                                             .serving = state.serving != 0});
                                         });
  return totals;
}

std::vector<LostRow> KernelMaps::Lost() const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return {};
  std::vector<lost_count> per_cpu(static_cast<size_t>(cpus));
  std::vector<LostRow> rows;
  for (uint32_t kind = 0; kind < LOST_CPU_KINDS; ++kind) {
    if (bpf_map_lookup_elem(Fd(skeleton_.maps.lost), &kind, per_cpu.data()) != 0) continue;
    LostRow row{.kind = WireKindName(kind)};
    for (const lost_count& count : per_cpu) {
      row.produced += count.produced;
      row.ring_full += count.ring_full;
      row.map_full += count.map_full;
      row.read_failed += count.read_failed;
      row.produced_by_cpu.push_back(count.produced);
      row.ring_full_by_cpu.push_back(count.ring_full);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<LoserTotal> KernelMaps::Losers() const {
  std::vector<LoserTotal> losers;
  ForEachEntry<loser_key, uint64_t>(Fd(skeleton_.maps.losers), [&](const loser_key& key, uint64_t lost) {
    losers.push_back({FromWire(key.process), WireKindName(key.kind), lost});
  });
  return losers;
}

}  // namespace tensorwarden
