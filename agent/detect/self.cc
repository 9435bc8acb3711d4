#include "agent/detect/self.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace tensorwarden {
namespace {

constexpr uint32_t kLabels = 64;
constexpr size_t kMaxNames = 256;  // of kinds and probe groups: far more than there are

// What goes by the bulk ring may be lost in a flood: that is told when it is much.
bool IsUrgent(const std::string& kind) { return kind != "file_open" && kind != "http_segment"; }

class SelfDetector final : public Detector {
 public:
  explicit SelfDetector(SelfConfig config) : config_(config) {}

  std::string_view Name() const override { return "self"; }

  KindSet Needs() const override { return kKinds<StateRestored, LossSample, ProbeState, RuleReload, AssetFound>; }

  void Observe(const EnrichedEvent& event, std::vector<Finding>& findings) override {
    if (const auto* restored = std::get_if<StateRestored>(&event.event->body)) OnRestored(*restored, findings);
    if (const auto* loss = std::get_if<LossSample>(&event.event->body)) OnLoss(event, *loss, findings);
    if (const auto* probe = std::get_if<ProbeState>(&event.event->body)) OnProbe(*probe, findings);
    if (const auto* reload = std::get_if<RuleReload>(&event.event->body)) OnReload(*reload, findings);
    if (std::holds_alternative<AssetFound>(event.event->body)) OnAsset(event, findings);
  }

 private:
  static Finding Make(std::string what, std::string key, double score, std::string evidence) {
    Finding finding;
    finding.kind = "self";
    finding.stage = what;
    finding.what = std::move(what);
    finding.key = std::move(key);
    finding.score = score;
    finding.evidence = std::move(evidence);
    return finding;
  }

  void OnRestored(const StateRestored& restored, std::vector<Finding>& findings) const {
    const absl::Duration blind =
        absl::Nanoseconds(static_cast<int64_t>(std::min<uint64_t>(restored.blind_ns, INT64_MAX)));
    if (blind <= config_.blind) return;
    Finding finding = Make("blind", "self:blind", 0.5,
                           fmt::format("the agent did not run for {:.1f} s: what happened then is not known",
                                       absl::ToDoubleSeconds(blind)));
    finding.value = absl::ToDoubleSeconds(blind);
    finding.threshold = absl::ToDoubleSeconds(config_.blind);
    finding.unit = "seconds";
    findings.push_back(std::move(finding));
  }

  // Counters only grow. Reported when there is loss for the first time (of bulk records: when it is much), then each
  // time it has doubled.
  void OnLoss(const EnrichedEvent& event, const LossSample& loss, std::vector<Finding>& findings) {
    const uint64_t lost = loss.ring_full + loss.map_full;
    const uint64_t least = IsUrgent(loss.kind) ? 1 : config_.bulk_loss;
    if (lost < least) return;
    if (lost_.size() >= kMaxNames && !lost_.contains(loss.kind)) return;
    uint64_t& reported = lost_[loss.kind];
    if (lost < 2 * reported) return;
    reported = lost;
    Finding finding =
        Make(IsUrgent(loss.kind) ? "loss" : "flood", "self:loss:" + loss.kind, 0.6, LossText(event, loss, lost));
    finding.process = loss.top;
    finding.value = static_cast<double>(lost);
    finding.threshold = static_cast<double>(least);
    finding.unit = "records";
    findings.push_back(std::move(finding));
  }

  static std::string LossText(const EnrichedEvent& event, const LossSample& loss, uint64_t lost) {
    std::string text = fmt::format("{} {} records are lost: {} because the ring was full, {} because a map was full",
                                   lost, loss.kind, loss.ring_full, loss.map_full);
    if (!loss.top) return text;
    const ProcessInfo* process = event.host->Process(loss.top);
    const std::string name = process == nullptr || process->comm.empty() ? "a process" : process->comm;
    text += fmt::format("; most of the last ones, {}, were made by {} (pid {})", loss.top_lost, name, loss.top.tgid);
    const auto busiest = std::max_element(loss.ring_full_by_cpu.begin(), loss.ring_full_by_cpu.end());
    if (loss.ring_full_by_cpu.size() > 1 && *busiest != 0)
      text += fmt::format("; {} on CPU {}", *busiest, busiest - loss.ring_full_by_cpu.begin());
    return text;
  }

  // A hook that was never there is the kernel's fault and stands in `check`; one that went while running was taken.
  // Those on system calls come and go with escalation.
  void OnProbe(const ProbeState& probe, std::vector<Finding>& findings) {
    if (probe.group == "syscalls") return;
    if (chosen_.size() >= kMaxNames && !chosen_.contains(probe.group)) return;
    const std::string former = std::exchange(chosen_[probe.group], probe.chosen);
    if (former.empty() || !probe.chosen.empty()) return;
    findings.push_back(Make("probe", "self:probe:" + probe.group, 0.8,
                            fmt::format("probe {} lost its program {}: {}", probe.group, former,
                                        probe.why.empty() ? "no reason is known" : probe.why)));
  }

  // Who can break a rule file keeps every later rule from being loaded.
  static void OnReload(const RuleReload& reload, std::vector<Finding>& findings) {
    if (reload.ok) return;
    findings.push_back(
        Make("rules", "self:rules", 0.6,
             fmt::format("the rules could not be reloaded, so {} former ones run on: {}", reload.rules, reload.error)));
  }

  // Labels are 64. What more sets there are share them: told when it begins, then each time it has doubled.
  void OnAsset(const EnrichedEvent& event, std::vector<Finding>& findings) {
    if (event.label == nullptr || event.label->sets < 2) return;
    size_t sets = 0, labels = 0;
    for (uint32_t bit = 0; bit < kLabels; ++bit) {
      const LabelInfo* label = event.host->Label(bit);
      if (label == nullptr || label->sets < 2) continue;
      sets += label->sets;
      ++labels;
    }
    if (sets < 2 * sharing_sets_) return;
    sharing_sets_ = sets;
    Finding finding = Make(
        "labels", "self:labels", 0.5,
        fmt::format("{} asset sets share {} label{}, as there are more sets than labels: shares of them are counted by "
                    "the smallest set of a label, and an alert may name another set than the one that left",
                    sets, labels, labels == 1 ? "" : "s"));
    finding.value = static_cast<double>(sets);
    finding.unit = "sets";
    if (event.asset != nullptr) finding.file = event.asset->file;
    findings.push_back(std::move(finding));
  }

  SelfConfig config_;
  size_t sharing_sets_ = 0;  // as reported
  std::map<std::string, uint64_t> lost_;
  std::map<std::string, std::string> chosen_;
};

}  // namespace

std::unique_ptr<Detector> CreateSelfDetector(SelfConfig config) { return std::make_unique<SelfDetector>(config); }

}  // namespace tensorwarden
