#include "agent/alert/alert_builder.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "agent/enrich/address_class.h"
#include "agent/enrich/kinds.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kMinuteNs = 60'000'000'000;
constexpr double kNotableGrowth = 1.01;
constexpr size_t kMaxStages = 16;  // of one matter; no ladder is longer

uint64_t Ns(absl::Duration duration) { return static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration)); }

// Rule names hold no NUL: they come from YAML text.
std::string FoldKey(const Detection& detection) { return detection.rule->name + '\0' + detection.fold_key; }

std::string_view RuleOf(std::string_view fold_key) { return fold_key.substr(0, fold_key.find('\0')); }

// What a close or a late update need not repeat is not kept for hours.
void Trim(Alert& alert) {
  alert.ancestry.clear();
  alert.false_positives.clear();
  alert.next_step.clear();
  alert.exception.clear();
  alert.wanted.reset();
}

// The stack of an event that tells one.
const std::vector<uint64_t>* StackOf(const EventBody& body) {
  if (const Egress* egress = std::get_if<Egress>(&body)) return &egress->stack;
  if (const FileChange* change = std::get_if<FileChange>(&body)) return &change->stack;
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AlertBuilder>> AlertBuilder::Create(AlertBuilderConfig config) {
  const std::pair<const char*, uint64_t> bounds[] = {{"max_matters", config.max_matters},
                                                     {"max_suppressions", config.max_suppressions},
                                                     {"max_calls", config.max_calls},
                                                     {"max_destinations", config.max_destinations},
                                                     {"max_opens_per_minute", config.max_opens_per_minute}};
  for (const auto& [name, value] : bounds) {
    if (value == 0) return absl::InvalidArgumentError(fmt::format("{} must not be 0", name));
  }
  return std::unique_ptr<AlertBuilder>(new AlertBuilder(config));
}

AlertBuilder::AlertBuilder(const AlertBuilderConfig& config)
    : config_(config),
      matters_(config.max_matters),
      suppressions_(config.max_suppressions),
      first_seen_(config.max_destinations),
      calls_(config.max_calls) {}

void AlertBuilder::Observe(const EnrichedEvent& event, std::vector<Alert>& alerts) {
  const Event& cause = *event.event;
  now_ns_ = std::max(now_ns_, cause.origin.ktime_ns);
  SeeCall(cause);
  if (const Evidence* evidence = std::get_if<Evidence>(&cause.body)) JoinEvidence(*evidence, alerts);
  // Who connects to a server is no destination; and a flood of clients must not push destinations out.
  const SocketTuple* socket = SocketOf(cause.body);
  if (socket != nullptr && (socket->direction == EVENT_DIRECTION_OUT || std::holds_alternative<Egress>(cause.body))) {
    SeeDestination(*socket, event.host->RealtimeNs(cause.origin.ktime_ns));
  }
  if (const RuleReload* reload = std::get_if<RuleReload>(&cause.body)) ForgetRules(reload->changed, event, alerts);
  if (!std::holds_alternative<ClockTick>(cause.body)) return;
  ReportWaiting(alerts);
  CloseQuiet(event, alerts);
  ReportHeldBack(alerts);
}

std::optional<Alert> AlertBuilder::Take(const Detection& detection, const EnrichedEvent& event) {
  now_ns_ = std::max(now_ns_, event.event->origin.ktime_ns);
  const bool folds = event.finding != nullptr && !detection.fold_key.empty();
  return folds ? TakeFinding(detection, event) : TakePlain(detection, event);
}

std::optional<Alert> AlertBuilder::TakeFinding(const Detection& detection, const EnrichedEvent& event) {
  const std::string key = FoldKey(detection);
  if (Matter* matter = matters_.Find(key)) return Update(*matter, detection, event);
  std::optional<Alert> alert = Open(detection, event);
  if (!alert) return alert;
  WantEvidence(event, *alert);
  Matter matter{.alert = *alert,
                .stages = {alert->stage},
                .news_ns = now_ns_,
                .reported_ns = now_ns_,
                .reported_value = alert->value};
  if (alert->wanted) matter.evidence_seq = alert->wanted->cause_seq;
  Trim(matter.alert);
  matters_.TryEmplace(key, std::move(matter));
  return alert;
}

std::optional<Alert> AlertBuilder::TakePlain(const Detection& detection, const EnrichedEvent& event) {
  if (detection.rule->suppress_ns == 0) return Open(detection, event);
  const std::string key = FoldKey(detection);
  Suppression* suppression = suppressions_.Find(key);
  if (suppression != nullptr && now_ns_ < suppression->until_ns) {
    ++suppression->count;
    ++stats_.suppressed;
    return std::nullopt;
  }
  std::optional<Alert> alert = Open(detection, event);
  if (!alert) return alert;
  if (suppression == nullptr) suppression = suppressions_.TryEmplace(key).first;
  if (suppression->count > 0) {
    alert->evidence += fmt::format("; {} more like it were suppressed since the last", suppression->count);
  }
  *suppression = {.until_ns = now_ns_ + detection.rule->suppress_ns};
  return alert;
}

std::optional<Alert> AlertBuilder::Open(const Detection& detection, const EnrichedEvent& event) {
  Alert alert = DescribeDetection(detection, event);
  const std::string key = detection.fold_key.empty() ? fmt::format("{}", event.event->seq) : detection.fold_key;
  alert.id = Id(*event.host, alert.rule, key, *event.event);
  alert.activity = "open";
  if (const int64_t* seen = first_seen_.Find(alert.destination)) alert.destination_first_seen_ns = *seen;
  if (!MayOpen(alert)) return std::nullopt;
  ++stats_.opened;
  return alert;
}

std::optional<Alert> AlertBuilder::Update(Matter& matter, const Detection& detection, const EnrichedEvent& event) {
  Alert alert = DescribeDetection(detection, event);
  alert.id = matter.alert.id;
  alert.activity = "update";
  alert.updates = matter.alert.updates + (matter.waiting ? 0 : 1);
  if (const int64_t* seen = first_seen_.Find(alert.destination)) alert.destination_first_seen_ns = *seen;
  const bool new_stage = std::find(matter.stages.begin(), matter.stages.end(), alert.stage) == matter.stages.end();
  const uint64_t interval_ns = std::max(Ns(config_.update_interval), detection.rule->suppress_ns);
  const bool due = now_ns_ >= matter.reported_ns + interval_ns;
  if (new_stage && matter.stages.size() < kMaxStages) matter.stages.push_back(alert.stage);
  // The detector of egress itself holds such figures back until they are worth it.
  const bool grown = event.finding->kind == "egress" && alert.value >= kNotableGrowth * matter.reported_value;
  const bool report = due || grown || (new_stage && matter.stages.back() == alert.stage);
  matter.alert = alert;
  Trim(matter.alert);
  matter.news_ns = now_ns_;
  matter.waiting = !report;
  if (!report) {
    ++stats_.folded;
    return std::nullopt;
  }
  matter.reported_ns = now_ns_;
  matter.reported_value = alert.value;
  ++stats_.updated;
  return alert;
}

// Opens of one rule in one minute are bounded: a rule that matches everything must not bury the others.
bool AlertBuilder::MayOpen(const Alert& alert) {
  Rate& rate = rates_[alert.rule];
  if (now_ns_ >= rate.window_start_ns + kMinuteNs && rate.held_back == 0)
    rate = {.window_start_ns = now_ns_, .last = {}};
  if (rate.opened < config_.max_opens_per_minute) {
    ++rate.opened;
    return true;
  }
  ++rate.held_back;
  ++stats_.rate_limited;
  rate.last = alert;
  return false;
}

// The news that were folded: their figures are due once the interval has passed.
void AlertBuilder::ReportWaiting(std::vector<Alert>& alerts) {
  for (auto& [key, matter] : matters_.Entries()) {
    if (!matter.waiting || now_ns_ < matter.reported_ns + Ns(config_.update_interval)) continue;
    matter.waiting = false;
    matter.reported_ns = now_ns_;
    matter.reported_value = matter.alert.value;
    ++stats_.updated;
    alerts.push_back(matter.alert);
  }
}

void AlertBuilder::CloseQuiet(const EnrichedEvent& tick, std::vector<Alert>& alerts) {
  while (matters_.Size() > 0 && now_ns_ >= matters_.Oldest().second.news_ns + Ns(config_.close_after)) {
    Matter& matter = matters_.Oldest().second;
    if (!matter.waiting) ++matter.alert.updates;
    alerts.push_back(
        Close(std::move(matter.alert), tick, fmt::format("No news for {}", absl::FormatDuration(config_.close_after))));
    matters_.PopOldest();
  }
}

Alert AlertBuilder::Close(Alert alert, const EnrichedEvent& event, const std::string& why) {
  alert.activity = "close";
  alert.time_ns = event.host->RealtimeNs(now_ns_);
  alert.cause_seq = event.event->seq;
  alert.summary = fmt::format("{}: {}", why, alert.summary);
  ++stats_.closed;
  return alert;
}

void AlertBuilder::ForgetRules(const std::vector<std::string>& rules, const EnrichedEvent& event,
                               std::vector<Alert>& alerts) {
  const absl::flat_hash_set<std::string_view> gone(rules.begin(), rules.end());
  const auto is_gone = [&](const auto& entry) { return gone.contains(RuleOf(entry.first)); };
  matters_.EraseIf([&](auto& entry) {
    if (!is_gone(entry)) return false;
    Matter& matter = entry.second;
    if (!matter.waiting) ++matter.alert.updates;
    alerts.push_back(Close(std::move(matter.alert), event, "The rule was changed or taken away"));
    return true;
  });
  suppressions_.EraseIf(is_gone);
  std::erase_if(rates_, is_gone);
}

void AlertBuilder::ReportHeldBack(std::vector<Alert>& alerts) {
  for (auto entry = rates_.begin(); entry != rates_.end();) {
    Rate& rate = entry->second;
    if (now_ns_ < rate.window_start_ns + kMinuteNs) {
      ++entry;
      continue;
    }
    if (rate.held_back > 0) {
      Alert alert = std::move(rate.last);
      alert.stage = "rate_limit";
      alert.summary = fmt::format("{} more alerts of rule '{}' in a minute were held back; the last one: {}",
                                  rate.held_back, alert.rule, alert.summary);
      alert.output_fields.emplace_back("alerts.held_back", fmt::format("{}", rate.held_back));
      alerts.push_back(std::move(alert));
    }
    entry = rates_.erase(entry);
  }
}

void AlertBuilder::SeeCall(const Event& event) {
  const std::vector<uint64_t>* stack = StackOf(event.body);
  if (stack == nullptr || stack->empty() || !event.origin.process) return;
  *calls_.TryEmplace(event.origin.process).first = {event.body.index(), *stack};
}

// Bytes that crossed a threshold may be counted by a sample, which comes from no call: then the last call of this kind
// that this process made stands for it.
void AlertBuilder::WantEvidence(const EnrichedEvent& event, Alert& alert) {
  const bool about_a_call = event.finding->kind == "egress" || event.finding->kind == "integrity";
  const ProcessKey process = event.process == nullptr ? event.finding->process : event.process->key;
  if (!about_a_call || process.tgid == 0 || process.start_ns == 0) return;
  alert.wanted = {.process = process, .cause_seq = event.event->seq, .stack = {}};
  const size_t kind = event.finding->kind == "egress" ? kKindIndex<Egress> : kKindIndex<FileChange>;
  const Call* call = calls_.Find(process);
  if (call != nullptr && call->kind == kind) alert.wanted->stack = call->stack;
}

void AlertBuilder::JoinEvidence(const Evidence& evidence, std::vector<Alert>& alerts) {
  if (evidence.cause_seq == 0) return;
  for (auto& [key, matter] : matters_.Entries()) {
    if (matter.evidence_seq != evidence.cause_seq) continue;
    matter.evidence_seq = 0;
    if (!matter.waiting) ++matter.alert.updates;
    if (matter.waiting) matter.reported_ns = now_ns_;
    matter.reported_value = matter.alert.value;
    matter.waiting = false;
    ++stats_.updated;
    ++stats_.evidenced;
    alerts.push_back(matter.alert);
    alerts.back().activity = "update";
    alerts.back().seen = evidence;
  }
}

void AlertBuilder::SeeDestination(const SocketTuple& socket, int64_t time_ns) {
  if (socket.peer_address.empty() || AddressClass(socket.peer_address) == "loopback") return;
  first_seen_.TryEmplace(socket.peer_address, time_ns);
}

std::string AlertBuilder::Id(const HostModel& host, const std::string& rule, const std::string& key,
                             const Event& cause) const {
  // The time keeps two starts of the agent apart, which both number their events from 1.
  const std::string text = fmt::format("{}{}{}{}{}{}{}{}{}", host.Start().boot_id, '\0', rule, '\0', key, '\0',
                                       cause.seq, '\0', cause.origin.ktime_ns);
  return fmt::format("{:016x}", XXH3_128bits(text.data(), text.size()).high64);
}

AlertBuilderStats AlertBuilder::Stats() const {
  AlertBuilderStats stats = stats_;
  stats.evicted_matters = matters_.Evicted();
  stats.evicted_suppressions = suppressions_.Evicted();
  stats.evicted_destinations = first_seen_.Evicted();
  stats.open_matters = matters_.Size();
  return stats;
}

}  // namespace tensorwarden
