#include "agent/daemon/live_agent.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/helper_process.h"
#include "agent/base/status_text.h"
#include "agent/base/unique_fd.h"
#include "agent/capture/capture.h"
#include "agent/daemon/account_files.h"
#include "agent/daemon/alert_slices.h"
#include "agent/daemon/analysis.h"
#include "agent/daemon/demand.h"
#include "agent/daemon/discovery.h"
#include "agent/daemon/live_rules.h"
#include "agent/daemon/signals.h"
#include "agent/daemon/state_store.h"
#include "agent/daemon/stats.h"
#include "agent/evidence/collector.h"
#include "agent/host/unconfirmed.h"
#include "agent/pipeline/sequencer.h"
#include "agent/sensor/process_starts.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr int kWaitMs = 100;  // between two looks at what is due; records, signals and results wake the loop themselves
constexpr uint64_t kTickNs = 1'000'000'000;
constexpr size_t kDrainBatch = 4096;  // records between two looks at the other descriptors
constexpr int kRescanTicks = 30;
constexpr int kStatsTicks = 10;
constexpr int kSaveTicks = 5;
constexpr uint64_t kSaveGapNs = 100'000'000;  // new carriers are saved at once, but no more often than this

std::string BootId() {
  absl::StatusOr<std::string> id = ReadFile("/proc/sys/kernel/random/boot_id", 64);
  return id.ok() ? id->substr(0, 36) : "";
}

std::string Hostname() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

class LiveAgentImpl final : public LiveAgent {
 public:
  LiveAgentImpl(AgentConfig config, LiveOptions options) : config_(std::move(config)), options_(std::move(options)) {}

  absl::Status Start(LoadedRules rules);
  absl::Status Run() override;

 private:
  absl::Status OpenState();
  absl::Status OpenOutputs();
  absl::Status OpenLoop();
  void Begin(const std::string& rules_digest);
  void TakeInWhatExists();
  void RestoreState();

  void Pump();
  void HandleKernelEvent(Event event);
  void FollowSize(const FileChange& change);
  void Dispatch(Event event);
  void DispatchOwn(EventBody body);
  void Apply(const HostEffect& effect);
  void Deliver(const Alert& alert, uint64_t cause_ns);
  void AddFound(std::vector<Found> found);
  absl::Status StartEvidence();
  void TakeEvidence();
  void Tick();
  void Save(bool rules_too);
  absl::Status WriteStats();
  bool Confirmed(const ProcessKey& process) const;

  AgentConfig config_;
  LiveOptions options_;
  std::string boot_id_ = BootId();
  AgentStats stats_;
  UniqueFd state_lock_;
  UniqueFd signals_;
  UniqueFd epoll_;
  std::unique_ptr<Sensor> sensor_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<Analysis> analysis_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<EvidenceCollector> evidence_;  // after the sensor, which its thread asks
  std::unique_ptr<CaptureWriter> capture_;
  std::unique_ptr<LiveRules> rules_;
  AccountFiles accounts_;
  std::unique_ptr<AlertSlices> slices_;  // after the analysis, whose state it asks for
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<Event> drained_;  // these four are reused between events
  std::vector<Event> numbered_;
  std::vector<HostEffect> effects_;
  std::vector<Alert> alerts_;
  uint64_t next_tick_ns_ = 0;
  uint64_t saved_ns_ = 0;
  std::string rule_state_;  // as saved last
  uint64_t ticks_ = 0;
  bool carriers_changed_ = false;
};

absl::Status LiveAgentImpl::OpenState() {
  if (absl::Status status = MakeDirectories(config_.state_dir, 0700); !status.ok()) return status;
  absl::StatusOr<UniqueFd> lock = LockState(config_.state_dir + "/lock");
  if (!lock.ok()) return lock.status();
  state_lock_ = *std::move(lock);
  absl::StatusOr<std::string> secret = LoadOrMakeSecret(config_.state_dir + "/secret");
  if (!secret.ok()) return secret.status();
  config_.http.secret = *secret;
  return absl::OkStatus();
}

absl::Status LiveAgentImpl::OpenOutputs() {
  for (const SinkConfig& output : config_.outputs) {
    absl::StatusOr<std::unique_ptr<Sink>> sink = CreateSink(output);
    if (!sink.ok()) return sink.status();
    sinks_.push_back(*std::move(sink));
  }
  if (options_.record_path.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<CaptureWriter>> capture = CaptureWriter::Create(options_.record_path);
  if (!capture.ok()) return capture.status();
  capture_ = *std::move(capture);
  return absl::OkStatus();
}

absl::Status LiveAgentImpl::OpenLoop() {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  for (const int fd :
       {signals_.get(), sensor_->PollFd(), discovery_->ReadyFd(), evidence_->ReadyFd(), rules_->ReadyFd()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return absl::ErrnoToStatus(errno, "epoll_ctl");
  }
  return absl::OkStatus();
}

absl::Status LiveAgentImpl::Start(LoadedRules rules) {
  // Before any thread starts: each inherits the mask, and a signal must end in the loop only.
  absl::StatusOr<UniqueFd> signals = WatchSignals();
  if (!signals.ok()) return signals.status();
  signals_ = *std::move(signals);
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(config_, std::move(rules.rules));
  if (!analysis.ok()) return analysis.status();
  analysis_ = *std::move(analysis);
  // Before all files, so that a missing privilege is told as such and not by the first one that it cannot open.
  config_.sensor.demand = stats_.asked = DemandOf(analysis_->Needs());
  if (options_.hold_escalation > 0) config_.sensor.escalation_stages = options_.hold_escalation;
  absl::StatusOr<std::unique_ptr<Sensor>> sensor = Sensor::Create(config_.sensor);
  if (!sensor.ok()) return sensor.status();
  sensor_ = *std::move(sensor);
  if (absl::Status status = OpenState(); !status.ok()) return status;
  if (absl::Status status = OpenOutputs(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<HttpMeter>> meter = HttpMeter::Create(config_.http);
  if (!meter.ok()) return meter.status();
  sequencer_ = std::make_unique<Sequencer>(*std::move(meter));
  absl::StatusOr<std::unique_ptr<AlertSlices>> slices = AlertSlices::Create(config_, *analysis_);
  if (!slices.ok()) return slices.status();
  slices_ = *std::move(slices);
  stats_.rules.loaded = analysis_->rule_count();
  if (stats_.rules.loaded == 0) spdlog::warn("no rule is loaded: nothing will be alerted");
  discovery_ = std::make_unique<Discovery>(DiscoveryConfig{.assets = config_.assets,
                                                           .discover = config_.discover,
                                                           .paths = config_.discover_paths,
                                                           .min_bytes = config_.sensor.discover_min_bytes});
  if (absl::Status status = StartEvidence(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<LiveRules>> live_rules =
      LiveRules::Create(options_.load_rules, *sensor_, *analysis_, stats_);
  if (!live_rules.ok()) return live_rules.status();
  rules_ = *std::move(live_rules);
  if (absl::Status status = OpenLoop(); !status.ok()) return status;
  Begin(rules.digest);
  TakeInWhatExists();
  return WriteStats();  // a path that cannot be written is told now, not after ten seconds
}

absl::Status LiveAgentImpl::StartEvidence() {
  EvidenceConfig config{.holdings = [this](const ProcessKey& process) { return sensor_->HoldingsOf(process); },
                        .is_alive = IsAlive};
  config.symbols.program = FindHelper("tensorwarden-symbols");
  if (config.symbols.program.empty()) {
    spdlog::warn("tensorwarden-symbols is not installed: stacks of alerts have no function names");
  }
  absl::StatusOr<std::unique_ptr<EvidenceCollector>> evidence = EvidenceCollector::Create(std::move(config));
  if (!evidence.ok()) return evidence.status();
  evidence_ = *std::move(evidence);
  return absl::OkStatus();
}

// The look at a process is an event as any other, so that a replay has it too.
void LiveAgentImpl::TakeEvidence() {
  for (Collected& collected : evidence_->Take()) {
    for (const auto& [file, bytes] : collected.mapped) {
      const AssetInfo* asset = analysis_->host().Asset(file);
      collected.evidence.mappings.push_back({asset == nullptr ? "" : asset->path, bytes});
    }
    Event event{.body = std::move(collected.evidence)};
    event.origin.ktime_ns = BoottimeNs();
    event.origin.process = collected.process;
    Dispatch(std::move(event));
  }
}

void LiveAgentImpl::Begin(const std::string& rules_digest) {
  DispatchOwn(AgentStart{.version = TENSORWARDEN_VERSION,
                         .hostname = Hostname(),
                         .boot_id = boot_id_,
                         .realtime_offset_ns = RealtimeOffsetNs(),
                         .config_digest = config_.digest,
                         .rules_digest = rules_digest});
  if (std::optional<AccountNames> names = accounts_.Changed()) DispatchOwn(*std::move(names));
  for (const ProbeRow& row : sensor_->Probes()) {
    DispatchOwn(ProbeState{.group = row.group, .chosen = row.program, .why = row.why});
    if (row.state == "missing") spdlog::warn("probe {} is missing: {}", row.group, row.why);
  }
}

// Assets first, so that the snapshot finds who holds them; then who held labels before a restart.
void LiveAgentImpl::TakeInWhatExists() {
  AddFound(discovery_->ScanAll());
  for (const std::string& directory : discovery_->Directories()) {
    if (absl::Status status = sensor_->WatchDirectory(directory); !status.ok()) {
      spdlog::warn("births below {} are found late: {}", directory, StatusText(status));
    }
  }
  std::vector<Event> events;
  if (absl::Status status = sensor_->Snapshot(events); !status.ok()) {
    spdlog::warn("what ran before the agent is known in part: {}", StatusText(status));
  }
  for (Event& event : events) Dispatch(std::move(event));
  RestoreState();
}

void LiveAgentImpl::RestoreState() {
  absl::StatusOr<SavedState> saved = LoadState(config_.state_dir + "/state");
  if (absl::IsNotFound(saved.status())) return;
  if (!saved.ok()) {
    spdlog::warn("carriers, budgets and what rules remember of the last run are lost: {}", StatusText(saved.status()));
    return;
  }
  const bool same_boot = saved->boot_id == boot_id_;
  for (AssetFound& asset : saved->assets) {
    if (analysis_->host().Asset(asset.file) == nullptr) DispatchOwn(std::move(asset));
  }
  StateRestored restored;
  for (LabelHolder& holder : saved->holders) {
    // Of an earlier boot only files live on: processes, pipes and sockets do not.
    if (!same_boot && holder.object != EVENT_OBJECT_FILE) continue;
    if (sensor_->RestoreHolder(holder).ok()) restored.holders.push_back(std::move(holder));
  }
  if (same_boot) {
    restored.blind_ns = BoottimeNs() - saved->saved_ns;
    restored.detector_state = std::move(saved->detector_state);
  }
  restored.rule_state = std::move(saved->rule_state);
  restored.new_boot = !same_boot;
  spdlog::info("restored {} label holders after {:.1f} s", restored.holders.size(), restored.blind_ns / 1e9);
  const bool any_process = std::any_of(restored.holders.begin(), restored.holders.end(),
                                       [&](const LabelHolder& h) { return h.process && !Confirmed(h.process); });
  DispatchOwn(std::move(restored));
  if (!analysis_->restore_problem().empty()) spdlog::warn("{}", analysis_->restore_problem());
  if (any_process) (void)sensor_->Escalate();
}

absl::Status LiveAgentImpl::Run() {
  if (options_.hold_escalation > 0) {
    if (absl::Status status = sensor_->Escalate(); !status.ok()) return status;
  }
  const uint64_t end_ns = options_.duration == absl::InfiniteDuration()
                              ? UINT64_MAX
                              : BoottimeNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(options_.duration));
  fmt::print(stderr, "tensorwarden: ready: {} assets, {} processes, {} rules\n", analysis_->host().Stats().assets,
             analysis_->host().Stats().processes, stats_.rules.loaded);
  next_tick_ns_ = BoottimeNs() + kTickNs;
  for (bool stopped = false; !stopped && BoottimeNs() < end_ns;) {
    epoll_event ready[4];
    const int n = epoll_wait(epoll_.get(), ready, 4, kWaitMs);
    if (n < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "epoll_wait");
    const SignalsSeen signals = TakeSignals(signals_.get());
    stopped = signals.stop;
    if (signals.reload) rules_->Request();
    Pump();
    if (std::optional<RuleReload> reload = rules_->Take()) DispatchOwn(*std::move(reload));
    AddFound(discovery_->Take());
    TakeEvidence();
    if (BoottimeNs() >= next_tick_ns_) Tick();
    if (carriers_changed_ && BoottimeNs() - saved_ns_ >= kSaveGapNs) Save(false);
  }
  Pump();
  Tick();
  Save(true);
  slices_->Tick(true);
  absl::Status status = WriteStats();
  if (capture_) status.Update(capture_->Close());
  return status;
}

void LiveAgentImpl::Pump() {
  do {
    drained_.clear();
    sensor_->Drain(kDrainBatch, drained_);
    // Before anything else is worked on: every moment until the system-call hooks stand is a blind one.
    if (BecameUnconfirmedCarrier(analysis_->host(), drained_)) (void)sensor_->Escalate();
    for (Event& event : drained_) HandleKernelEvent(std::move(event));
  } while (drained_.size() >= kDrainBatch);
}

void LiveAgentImpl::HandleKernelEvent(Event event) {
  if (const auto* candidate = std::get_if<FileCandidate>(&event.body)) {
    discovery_->ExamineHeld(event.origin.process, *candidate);
    return;
  }
  if (const auto* name = std::get_if<FileName>(&event.body)) {
    if (!name->path.empty() && name->op != EVENT_NAME_UNLINK) discovery_->Examine(name->path);
  }
  if (const auto* change = std::get_if<FileChange>(&event.body)) FollowSize(*change);
  carriers_changed_ |= std::holds_alternative<LabelMove>(event.body);
  Dispatch(std::move(event));
}

// An asset that is still written keeps the size that it was found with, and shares of it would be too large, until it
// is looked at again.
void LiveAgentImpl::FollowSize(const FileChange& change) {
  const AssetInfo* asset = analysis_->host().Asset(change.file);
  if (asset == nullptr || asset->path.empty()) return;
  if (change.change == EVENT_CHANGE_TRUNCATE || change.offset + change.length > asset->size)
    discovery_->Examine(asset->path);
}

void LiveAgentImpl::DispatchOwn(EventBody body) {
  Event event{.body = std::move(body)};
  event.origin.ktime_ns = BoottimeNs();
  Dispatch(std::move(event));
}

void LiveAgentImpl::Dispatch(Event event) {
  numbered_.clear();
  effects_.clear();
  sequencer_->Take(std::move(event), numbered_);
  for (const Event& one : numbered_) {
    ++stats_.events[one.body.index()];
    if (capture_) {
      if (absl::Status status = capture_->Append(one); !status.ok()) {
        spdlog::error("the capture ends here: {}", StatusText(status));
        capture_.reset();
      }
    }
    slices_->Take(one);
    alerts_.clear();
    analysis_->Take(one, effects_, alerts_);
    for (Alert& alert : alerts_) {
      slices_->Save(alert);
      Deliver(alert, one.origin.ktime_ns);
      if (alert.wanted) evidence_->Want({alert.wanted->process, alert.wanted->cause_seq, alert.wanted->stack});
    }
  }
  for (const HostEffect& effect : effects_) Apply(effect);
}

void LiveAgentImpl::Apply(const HostEffect& effect) {
  absl::Status status;
  if (const auto* watch = std::get_if<WatchFile>(&effect)) {
    status = sensor_->Watch(watch->file, watch->label, watch->size, watch->label_size, watch->path);
  } else if (const auto* unwatch = std::get_if<UnwatchFile>(&effect)) {
    status = sensor_->Unwatch(unwatch->file);
  } else if (const auto* flag = std::get_if<FlagProcess>(&effect)) {
    status = sensor_->SetProcessFlags(flag->process, flag->flags);
  } else if (const auto* port = std::get_if<ServePort>(&effect)) {
    const ProcessInfo* server = analysis_->host().Process(port->process);
    status = sensor_->SetServingPort(port->port, port->on, server == nullptr ? "" : server->cgroup);
  }
  // A process or file that has gone meanwhile needs nothing any more.
  if (status.ok() || absl::IsNotFound(status)) return;
  ++stats_.failed_effects;
  spdlog::warn("the sensor could not follow: {}", StatusText(status));
}

void LiveAgentImpl::Deliver(const Alert& alert, uint64_t cause_ns) {
  for (const std::unique_ptr<Sink>& sink : sinks_) {
    if (absl::Status status = sink->Deliver(alert); !status.ok()) {
      ++stats_.undelivered;
      spdlog::error("alert {} was not delivered to {}: {}", alert.id, sink->Name(), StatusText(status));
    }
  }
  ++stats_.alerts[alert.activity];
  stats_.latency.Add(BoottimeNs() - cause_ns);
}

void LiveAgentImpl::AddFound(std::vector<Found> found) {
  for (Found& one : found) {
    absl::StatusOr<FileKey> key = sensor_->KeyOf(one.fd.get());
    if (!key.ok()) {
      spdlog::warn("{} is not watched: {}", one.asset.path, StatusText(key.status()));
      continue;
    }
    one.asset.file = *key;
    DispatchOwn(std::move(one.asset));
  }
}

void LiveAgentImpl::Tick() {
  next_tick_ns_ = BoottimeNs() + kTickNs;
  ++ticks_;
  sensor_->Tick();
  if (options_.hold_escalation > 0) (void)sensor_->Escalate();
  std::vector<Event> samples;
  sensor_->Sample(samples);
  for (Event& sample : samples) Dispatch(std::move(sample));
  DispatchOwn(ClockTick{.realtime_offset_ns = RealtimeOffsetNs()});
  if (std::optional<AccountNames> names = accounts_.Changed()) DispatchOwn(*std::move(names));
  if (ticks_ % kRescanTicks == 0) discovery_->Rescan();
  if (ticks_ % kStatsTicks == 0) {
    if (absl::Status status = WriteStats(); !status.ok()) spdlog::warn("{}", StatusText(status));
  }
  if (ticks_ % kSaveTicks == 0) Save(true);
  if (capture_) (void)capture_->Flush();
  slices_->Tick(false);
}

// What rules remember can be some MiB: it is not written anew for each new carrier.
void LiveAgentImpl::Save(bool rules_too) {
  SavedState state{.boot_id = boot_id_, .saved_ns = BoottimeNs()};
  for (const AssetInfo* asset : analysis_->host().Assets()) {
    state.assets.push_back(AssetFound{.file = asset->file,
                                      .path = asset->path,
                                      .name = asset->name,
                                      .klass = asset->klass,
                                      .format = asset->format,
                                      .found_by = "state",
                                      .size = asset->size,
                                      .owner_uid = asset->owner_uid,
                                      .label = static_cast<int32_t>(asset->label)});
  }
  state.holders = sensor_->Holders();
  state.detector_state = analysis_->DetectorState();
  if (rules_too) rule_state_ = analysis_->RuleState();
  state.rule_state = rule_state_;
  if (absl::Status status = SaveState(config_.state_dir + "/state", state); !status.ok()) {
    spdlog::warn("a restart would forget carriers, budgets and what rules remember: {}", StatusText(status));
  }
  saved_ns_ = BoottimeNs();
  carriers_changed_ = false;
}

absl::Status LiveAgentImpl::WriteStats() {
  if (options_.stats_path.empty()) return absl::OkStatus();
  stats_.dropped_scans = discovery_->dropped();
  stats_.evidence = evidence_->stats();
  stats_.recorder = slices_->stats();
  stats_.rule_memory = analysis_->RuleMemory();
  return WriteFileAtomic(
      options_.stats_path,
      StatsJson(stats_, analysis_->host().Stats(), sequencer_->meter_stats(), sensor_->Lost(), sensor_->Escalated()),
      0644);
}

bool LiveAgentImpl::Confirmed(const ProcessKey& process) const {
  const ProcessInfo* info = analysis_->host().Process(process);
  return info != nullptr && info->role_confirmed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LiveAgent>> LiveAgent::Create(AgentConfig config, LoadedRules rules,
                                                             LiveOptions options) {
  auto agent = std::make_unique<LiveAgentImpl>(std::move(config), std::move(options));
  if (absl::Status status = agent->Start(std::move(rules)); !status.ok()) return status;
  return agent;
}

}  // namespace tensorwarden
