#include "agent/sensor/live_sensor.h"

#include <absl/container/flat_hash_set.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include "agent/base/clock.h"
#include "agent/event/socket_text.h"
#include "agent/sensor/iterators.h"
#include "agent/sensor/skeleton.h"
#include "bpf/abi/state.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxOpeners = 256;  // the oldest goes: it had its first look at once
constexpr int kOpenerLooks = 3;      // a second each; torch maps within milliseconds
constexpr uint64_t kSweepTicks = 30;
constexpr uint32_t kBlockDevice = 1;  // BPF_DEVCG_DEV_BLOCK

// The objects that a socket may take labels from; of others than TCP and UDP they name nothing.
std::array<FileKey, 2> LocalStreams(const event_sock_tuple& sock) {
  const uint64_t device = LOCAL_STREAM_DEV | sock.protocol;
  return {FileKey{device, local_stream_ino(sock.net_ns, sock.local_port, sock.peer_port), 0},
          FileKey{device, local_stream_ino(sock.net_ns, sock.local_port, 0), 0}};
}

bool SameLoss(const LostRow& a, const LostRow& b) {
  return a.ring_full == b.ring_full && a.map_full == b.map_full && a.read_failed == b.read_failed;
}

// What the agent finds by looking, and nobody asked for.
void DropHostChanges(std::vector<Event>& events) {
  std::erase_if(events, [](const Event& event) { return std::holds_alternative<HostChange>(event.body); });
}

bool IsMemoryFile(const std::string& path) {
  struct statfs fs {};
  if (statfs(path.c_str(), &fs) != 0) return false;
  const auto magic = static_cast<uint64_t>(fs.f_type);
  return magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LiveSensor>> LiveSensor::Create(const SensorConfig& config, const SensorPaths& paths) {
  if (absl::Status status = CheckPrerequisites(paths); !status.ok()) return status;
  absl::StatusOr<KernelFeatures> kernel = KernelFeatures::Probe(paths);
  if (!kernel.ok()) return kernel.status();
  auto sensor = std::unique_ptr<LiveSensor>(new LiveSensor(config));
  if (absl::Status status = sensor->Start(*kernel); !status.ok()) return status;
  return sensor;
}

absl::Status LiveSensor::Start(const KernelFeatures& kernel) {
  capabilities_ = kernel.All();
  absl::StatusOr<std::unique_ptr<LoadedProbes>> probes = LoadedProbes::Load(config_, kernel);
  if (!probes.ok()) return probes.status();
  probes_ = *std::move(probes);
  maps_ = std::make_unique<KernelMaps>(*probes_);
  if (absl::Status status = maps_->Configure(config_); !status.ok()) return status;
  asked_ = std::make_unique<AskedHooks>(*probes_);
  gpu_ = std::make_unique<GpuWatch>(*probes_, *maps_, config_);
  if (absl::Status status = Ask(config_.demand); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Rings>> rings =
      Rings::Create(bpf_map__fd(probes_->skeleton().maps.urgent), bpf_map__fd(probes_->skeleton().maps.bulk));
  if (!rings.ok()) return rings.status();
  rings_ = *std::move(rings);
  sends_ = std::make_unique<SendProgress>(*probes_, *maps_);
  cgroups_ = std::make_unique<CgroupPaths>(kernel.cgroup2());
  snapshot_ = std::make_unique<class Snapshot>(*probes_, *maps_, starts_, *cgroups_);
  raw_devices_ = std::make_unique<RawDevices>(*maps_);
  shares_ = std::make_unique<Shares>(*probes_);
  const bool only_syscalls = probes_->Chosen("file_read") == nullptr;
  escalation_ = std::make_unique<Escalation>(*probes_, config_, only_syscalls);
  if (only_syscalls) {
    if (absl::Status status = Raise("no other hook sees reads on this kernel"); !status.ok()) return status;
  }
  return StartPolling();
}

absl::Status LiveSensor::StartPolling() {
  names_ = std::make_unique<NameBook>([this](int fd) { return KeyOf(fd); });
  scans_ = std::make_unique<NameScans>(*names_, [this](const FileKey& key) { return maps_->WatchDirectory(key); });
  absl::StatusOr<std::unique_ptr<FileMarks>> marks =
      FileMarks::Create(*names_, [this](uint32_t tgid) { return ProcessOf(tgid); });
  if (marks.ok())
    marks_ = *std::move(marks);
  else
    no_marks_why_ = std::string(marks.status().message());
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  absl::StatusOr<std::unique_ptr<MountWatch>> mounts = MountWatch::Create(*names_, "/proc/self/mountinfo");
  if (!mounts.ok()) return mounts.status();
  mounts_ = *std::move(mounts);
  host_ = std::make_unique<HostWatch>(probes_->Chosen("clock") == nullptr, probes_->Chosen("bpf_load") == nullptr);
  for (const int fd : {rings_->PollFd(), marks_ == nullptr ? -1 : marks_->PollFd()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (fd >= 0 && epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return absl::ErrnoToStatus(errno, "poll the sensor's descriptors");
  }
  return absl::OkStatus();
}

absl::Status LiveSensor::Ask(const SensorDemand& demand) {
  if (absl::Status status = asked_->Ask(demand); !status.ok()) return status;
  gpu_->Ask(demand.gpu).IgnoreError();  // what cannot be attached is told by Probes()
  demand_ = demand;
  return maps_->Ask(demand);
}

absl::Status LiveSensor::Raise(const char* why) {
  absl::Status status = escalation_->Raise(BoottimeNs(), why);
  if (escalation_->Active()) status.Update(asked_->FollowEscalation(true));
  return status;
}

bool LiveSensor::Stand(When when) const {
  switch (when) {
    case When::kAlways:
      return true;
    case When::kEscalated:
      return escalation_->Active();
    case When::kFirstStage:
      return escalation_->Stage() == 1;
    case When::kSecondStage:
      return escalation_->Stage() == 2;
    case When::kGpu:
      return gpu_->Attached();
    default:
      return asked_->Stand(when);
  }
}

std::vector<ProbeRow> LiveSensor::Probes() const {
  std::vector<ProbeRow> rows = probes_->Rows([this](When when) { return Stand(when); });
  ProbeRow marks{.group = "name_marks", .program = "fanotify", .tier = TierName(Tier::kDataPath)};
  marks.state = marks_ == nullptr ? "missing" : marks_->empty() ? "on demand" : "attached";
  marks.why = marks_ == nullptr ? no_marks_why_ : marks_->Failures();
  if (marks_ == nullptr) marks.program.clear();
  rows.push_back(std::move(marks));
  for (ProbeRow& row : rows) {
    if (row.group == "name_ext4" && row.why.empty()) row.why = scans_->Failures();
    host_->Fill(row);
  }
  return rows;
}

// What only the agent's side knows of a record.
void LiveSensor::Complete(Event& event) {
  shares_->Take(event);
  if (const auto* fork = std::get_if<ProcessFork>(&event.body)) {
    starts_.Started(fork->child);
  } else if (auto* exec = std::get_if<ProcessExec>(&event.body)) {
    starts_.Started(event.origin.process);
    exec->cgroup = cgroups_->Find(event.origin.cgroup_id);
  } else if (std::holds_alternative<ProcessExit>(event.body)) {
    starts_.Ended(event.origin.process);
    sends_->End(event.origin.process);
  } else if (const auto* move = std::get_if<LabelMove>(&event.body); move != nullptr && !move->target) {
    sends_->Begin(event.origin.process);
  } else if (auto* egress = std::get_if<Egress>(&event.body)) {
    ledger_.Take(event.origin.process, *egress);
    mount_names_.Complete(event.origin.process, event.origin.ktime_ns, *egress);
  } else if (const auto* open = std::get_if<DeviceOpen>(&event.body)) {
    TakeDevice(event.origin.process, *open);
  } else if (const auto* change = std::get_if<HostChange>(&event.body);
             change != nullptr && change->op == EVENT_HOST_MODULE) {
    new_modules_ = true;
  }
}

// What cannot be attached is told by Probes().
void LiveSensor::TakeDevice(const ProcessKey& process, const DeviceOpen& open) {
  if (open.type == kBlockDevice)  // O_DIRECT on it shows to system-call hooks only
    Raise("a block device that holds assets was opened").IgnoreError();
  else
    gpu_->Opened(process, open.major, BoottimeNs()).IgnoreError();
}

// Hints are answered here: what a look at their directories finds takes their place.
void LiveSensor::TakeHints(size_t first, std::vector<Event>& events) {
  const auto is_hint = [](const Event& event) { return std::holds_alternative<NameHint>(event.body); };
  const auto hints = std::stable_partition(events.begin() + static_cast<ptrdiff_t>(first), events.end(),
                                           [&](const Event& event) { return !is_hint(event); });
  for (auto hint = hints; hint != events.end(); ++hint) {
    if (std::get<NameHint>(hint->body).op == EVENT_NAME_MOUNT)
      mounts_->Hint(hint->origin);
    else
      scans_->Take(std::move(*hint));
  }
  events.erase(hints, events.end());
  scans_->Drain(BoottimeNs(), events);
  mounts_->Drain(events);
  if (!demand_.host_changes) DropHostChanges(events);
}

size_t LiveSensor::Drain(size_t max, std::vector<Event>& events) {
  const size_t before = events.size();
  escalation_->TakeChanges(events);
  std::move(pending_.begin(), pending_.end(), std::back_inserter(events));
  pending_.clear();
  const size_t first = events.size();
  const size_t records = rings_->Drain(max, events);
  for (size_t i = first; i < events.size(); ++i) Complete(events[i]);
  if (shares_->Waiting()) shares_->Run(BoottimeNs());
  TakeHints(first, events);
  if (marks_ != nullptr) {
    std::vector<AssetOpen> opens;
    marks_->Drain(events, opens);
    TakeOpens(opens, events);
  }
  return std::max(records, events.size() - before);
}

// A mapping of huge pages may show no fault at all, so who opens an asset is looked at from outside.
void LiveSensor::TakeOpens(const std::vector<AssetOpen>& opens, std::vector<Event>& events) {
  const size_t first = events.size();
  for (const AssetOpen& open : opens) {
    if (!open.process || maps_->IsConfirmed(open.process)) continue;
    const bool unseen = !escalation_->Active();
    // What cannot be attached is told by Probes(); the data path goes on without.
    Raise("a process that is not confirmed opened an asset").IgnoreError();
    snapshot_->TakeMappings(open.process.tgid, events).IgnoreError();  // it may have ended
    const auto memory = memory_assets_.find(open.file);
    if (unseen && memory != memory_assets_.end())
      snapshot_->TakeReads(open.process, open.file, memory->second, events).IgnoreError();
    if (openers_.size() >= kMaxOpeners) openers_.pop_front();
    openers_.push_back({open.process, kOpenerLooks});
  }
  BeginCarriers(first, events);
}

void LiveSensor::LookAtOpeners() {
  const size_t first = pending_.size();
  for (size_t n = openers_.size(); n > 0; --n) {
    Opener opener = openers_.front();
    openers_.pop_front();
    if (!IsAlive(opener.process)) continue;
    snapshot_->TakeMappings(opener.process.tgid, pending_).IgnoreError();
    if (--opener.looks_left > 0) openers_.push_back(opener);
  }
  BeginCarriers(first, pending_);
}

// From what the kernel told; else by asking it, which costs a walk of one thread group.
ProcessKey LiveSensor::ProcessOf(uint32_t tgid) {
  uint64_t start_ns = starts_.Find(tgid);
  if (start_ns == 0 && tgid != 0) {
    ForEachRecord<holder_task_record>(probes_->Chosen("list_tasks"), tgid, [&](const holder_task_record& task) {
      start_ns = task.process.start_ns;
    }).IgnoreError();
    if (start_ns != 0) starts_.Started({tgid, start_ns});
  }
  return {tgid, start_ns};
}

absl::StatusOr<FileKey> LiveSensor::KeyOf(int fd) {
  absl::StatusOr<query_fd_args> args = maps_->QueryFd(fd);
  if (!args.ok()) return args.status();
  return FromWire(args->file);
}

absl::Status LiveSensor::Watch(const FileKey& file, uint32_t label, uint64_t size, uint64_t label_size,
                               const std::string& path) {
  if (absl::Status status = maps_->Watch(file, label, size, label_size); !status.ok()) return status;
  raw_devices_->Watch(file, path, label, label_size).IgnoreError();  // its files are seen without it
  if (IsMemoryFile(path)) memory_assets_[file] = size;
  // Without names the probes still see every byte; Probes() tells that they are missing.
  if (!path.empty()) WatchNames(file, path).IgnoreError();
  return absl::OkStatus();
}

bool LiveSensor::HasHints(const std::string& path) const {
  struct statfs fs {};
  return probes_->Chosen("name_ext4") != nullptr && statfs(path.c_str(), &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC;
}

absl::Status LiveSensor::WatchNames(const FileKey& file, const std::string& path) {
  names_->Add(file, path);
  if (HasHints(path)) return scans_->Watch(file, path);
  return marks_ == nullptr ? absl::FailedPreconditionError(no_marks_why_) : marks_->Watch(file, path);
}

absl::Status LiveSensor::Unwatch(const FileKey& file) {
  scans_->Unwatch(file);
  if (marks_ != nullptr) marks_->Unwatch(file);
  memory_assets_.erase(file);
  raw_devices_->Unwatch(file);
  names_->Remove(file);
  return maps_->Unwatch(file);
}

absl::Status LiveSensor::WatchDirectory(const std::string& path) {
  if (HasHints(path)) return scans_->WatchDirectory(path);
  if (marks_ == nullptr) return absl::FailedPreconditionError(no_marks_why_);
  return marks_->WatchDirectory(path);
}

absl::Status LiveSensor::SetProcessFlags(const ProcessKey& process, uint32_t flags) {
  return maps_->SetProcessFlags(process, flags);
}

absl::Status LiveSensor::SetServingPort(uint16_t port, bool on, const std::string& cgroup) {
  maps_->SetServingPort(port, on);
  serving_.erase(port);
  if (on) serving_[port] = cgroup;
  std::erase_if(meters_, [this](const auto& meter) {
    return std::none_of(serving_.begin(), serving_.end(), [&](const auto& s) { return s.second == meter.first; });
  });
  if (!on || meters_.contains(cgroup)) return absl::OkStatus();
  absl::StatusOr<Link> link = probes_->AttachServing(cgroup);
  if (!link.ok()) return link.status();
  meters_[cgroup] = *std::move(link);
  return absl::OkStatus();
}

absl::Status LiveSensor::RestoreHolder(const LabelHolder& holder) {
  absl::Status status = maps_->RestoreHolder(holder);
  if (status.ok() && holder.process) sends_->Begin(holder.process);
  return status;
}

// Labels that the agent itself gave have no record: what their sockets sent before must be known as well.
void LiveSensor::BeginCarriers(size_t first, const std::vector<Event>& events) {
  for (size_t i = first; i < events.size(); ++i) {
    const auto* move = std::get_if<LabelMove>(&events[i].body);
    if (move != nullptr && !move->target) sends_->Begin(events[i].origin.process);
  }
}

absl::Status LiveSensor::Snapshot(std::vector<Event>& events) {
  const size_t first = events.size();
  absl::Status status = snapshot_->Take(events);
  BeginCarriers(first, events);
  for (size_t i = first; i < events.size(); ++i)
    if (const auto* open = std::get_if<DeviceOpen>(&events[i].body)) TakeDevice(events[i].origin.process, *open);
  return status;
}

absl::StatusOr<Holdings> LiveSensor::HoldingsOf(const ProcessKey& process) const {
  constexpr size_t kMaxFiles = 65536;
  Holdings holdings;
  absl::Status status = ForEachRecord<holder_file_record>(
      probes_->Chosen("list_files"), process.tgid, [&](const holder_file_record& file) {
        if (FromWire(file.process) != process || holdings.files.size() >= kMaxFiles) return;
        holdings.files.push_back({file.fd, file.object, file.open_mode, ToTuple(file.sock)});
      });
  if (!status.ok()) return status;
  absl::flat_hash_map<FileKey, uint64_t> mapped;
  status =
      ForEachRecord<holder_map_record>(probes_->Chosen("list_maps"), process.tgid, [&](const holder_map_record& map) {
        if (FromWire(map.process) == process && maps_->IsWatched(FromWire(map.file)))
          mapped[FromWire(map.file)] += map.length;
      });
  if (!status.ok()) return status;
  holdings.mapped.assign(mapped.begin(), mapped.end());
  std::sort(holdings.mapped.begin(), holdings.mapped.end());
  return holdings;
}

void LiveSensor::Sample(std::vector<Event>& events) {
  const size_t before = events.size();
  std::vector<EgressTotal> totals = maps_->EgressTotals();
  sends_->Add(totals);
  ledger_.Sample(totals, BoottimeNs(), events);
  for (size_t i = before; i < events.size(); ++i)
    mount_names_.Complete(events[i].origin.process, events[i].origin.ktime_ns, std::get<Egress>(events[i].body));
  std::map<std::string, LossLedger::Top> tops = losers_.Take(maps_->Losers());
  for (LostRow& row : Lost()) {
    const auto told = told_losses_.find(row.kind);
    if (SameLoss(row, told == told_losses_.end() ? LostRow{} : told->second)) continue;
    Event event;
    event.origin.ktime_ns = BoottimeNs();
    event.body = LossSample{.kind = row.kind,
                            .produced = row.produced,
                            .ring_full = row.ring_full,
                            .map_full = row.map_full,
                            .read_failed = row.read_failed,
                            .top = tops[row.kind].process,
                            .top_lost = tops[row.kind].lost,
                            .ring_full_by_cpu = row.ring_full_by_cpu};
    events.push_back(std::move(event));
    told_losses_[row.kind] = std::move(row);
  }
}

std::vector<LabelHolder> LiveSensor::Holders() const { return maps_->Holders(); }

std::vector<LostRow> LiveSensor::Lost() const {
  std::vector<LostRow> rows = maps_->Lost();
  rows.push_back({.kind = "undecodable", .read_failed = rings_->stats().undecodable});
  rows.push_back({.kind = "name_hints", .ring_full = scans_->dropped_hints()});
  if (marks_ != nullptr) rows.push_back({.kind = "file_marks", .ring_full = marks_->overflows()});
  return rows;
}

absl::Status LiveSensor::Escalate() { return Raise("a process became a carrier"); }

// No tracepoint tells the end of a pipe, unix socket or terminal. The entries are listed first: what is open then, the
// second list shows.
void LiveSensor::SweepStreams() {
  const std::vector<FileKey> streams = maps_->Streams();
  if (streams.empty()) return;
  absl::flat_hash_set<FileKey> open;
  const absl::Status status =
      ForEachRecord<holder_file_record>(probes_->Chosen("list_files"), 0, [&](const holder_file_record& file) {
        if (IsStream(file.object)) open.insert(FromWire(file.file));
        for (const FileKey& key : LocalStreams(file.sock)) open.insert(key);
        if (file.object == EVENT_OBJECT_TERMINAL)
          open.insert({file.file.dev, file.file.ino, 1});  // the other direction
      });
  for (const FileKey& stream : streams)
    if (status.ok() && !open.contains(stream)) maps_->Unwatch(stream).IgnoreError();  // gone already is as well
}

void LiveSensor::Tick() {
  const bool active = escalation_->Active();
  escalation_->Tick(BoottimeNs(), !openers_.empty() || (active && maps_->HasUnconfirmedCarrier()));
  if (!escalation_->Active()) asked_->FollowEscalation(false).IgnoreError();  // letting go does not fail
  LookAtOpeners();
  gpu_->Tick(BoottimeNs());
  if (std::exchange(new_modules_, false) || ticks_ % kSweepTicks == 0) maps_->FindDevices(config_).IgnoreError();
  host_->Look(pending_);
  if (!demand_.host_changes) DropHostChanges(pending_);
  shares_->Tick();
  shares_->Run(BoottimeNs());
  if (++ticks_ % kSweepTicks == 0) SweepStreams();
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the interface takes it over
absl::StatusOr<std::unique_ptr<Sensor>> Sensor::Create(SensorConfig config) {
  return LiveSensor::Create(config, SensorPaths{});
}

}  // namespace tensorwarden
