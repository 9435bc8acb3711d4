#include "agent/detect/integrity.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/lru_map.h"
#include "agent/detect/permission.h"
#include "agent/detect/text.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

// What was done, in the findings' words.
enum What : uint8_t { kInPlaceWrite, kMappedWrite, kTruncated, kReplaced, kRenamed, kDeleted, kAttributes, kCovered };

struct WhatRow {
  const char* name;
  const char* verb;
  double score;  // by a stranger
};

// By value of What. Attributes alone are low: backup and archive tools set times and owners.
constexpr WhatRow kWhats[] = {
    {"in_place_write", "wrote into", 0.9},
    {"mapped_write", "wrote through a mapping into", 0.9},
    {"truncated", "truncated", 0.9},
    {"replaced", "put another file in the place of", 0.9},
    {"renamed", "renamed", 0.6},
    {"deleted", "deleted", 0.7},
    {"attributes", "changed mode, owner or times of", 0.3},
    {"covered", "mounted something over", 0.9},
};

struct MatterKey {
  FileKey file;
  ProcessKey tree;
  bool operator==(const MatterKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const MatterKey& k) {
    return H::combine(std::move(h), k.file, k.tree);
  }
};

// What one job did to one file so far.
struct Matter {
  uint64_t first_offset = ~uint64_t{0};  // lowest byte changed
  uint64_t last_end = 0;
  uint64_t bytes = 0;  // largest total of one of its processes
  uint64_t reported_bytes = 0;
  uint32_t whats = 0;  // bits of What that were reported
};

class IntegrityDetector final : public Detector {
 public:
  explicit IntegrityDetector(IntegrityConfig config)
      : grace_ns_(static_cast<uint64_t>(absl::ToInt64Nanoseconds(config.birth_grace))), matters_(config.max_matters) {}

  std::string_view Name() const override { return "integrity"; }

  KindSet Needs() const override { return kKinds<FileChange, FileName>; }

  void Observe(const EnrichedEvent& event, std::vector<Finding>& findings) override {
    if (event.asset == nullptr) return;
    if (const auto* change = std::get_if<FileChange>(&event.event->body)) OnChange(event, *change, findings);
    if (const auto* name = std::get_if<FileName>(&event.event->body)) OnName(event, *name, findings);
  }

 private:
  static What WhatOf(uint32_t change) {
    switch (change) {
      case EVENT_CHANGE_MAPPED_WRITE:
        return kMappedWrite;
      case EVENT_CHANGE_TRUNCATE:
        return kTruncated;
      case EVENT_CHANGE_ATTRIBUTE:
        return kAttributes;
      default:
        return kInPlaceWrite;
    }
  }

  void OnChange(const EnrichedEvent& event, const FileChange& change, std::vector<Finding>& findings) {
    const What what = WhatOf(change.change);
    const bool unknown_actor = !event.event->origin.process;
    // Losing a name changes an inode's times: that was reported as what it was. And of nobody we say only what hurts.
    if (what == kAttributes && (event.asset->unlinked_seq != 0 || unknown_actor)) return;
    if (Allowed(event, *event.asset) || InBirth(event, *event.asset)) return;
    Matter& matter = *matters_.TryEmplace(MatterKey{event.asset->file, TreeOf(event)}).first;
    if (what != kAttributes) Note(matter, change);
    const bool is_new = (matter.whats >> what & 1) == 0;
    const bool doubled = matter.reported_bytes > 0 && matter.bytes >= 2 * matter.reported_bytes;
    if (!is_new && (what == kAttributes || !doubled)) return;
    Report(event, *event.asset, what, matter, findings);
  }

  // fanotify knows neither range nor length: both are 0 then.
  static void Note(Matter& matter, const FileChange& change) {
    matter.bytes = std::max(matter.bytes + (change.bytes == 0 ? change.length : 0), change.bytes);
    if (change.length == 0) return;
    matter.first_offset = std::min(matter.first_offset, change.offset);
    const uint64_t end = change.offset + std::min<uint64_t>(change.length, ~uint64_t{0} - change.offset);
    matter.last_end = std::max(matter.last_end, end);
  }

  void OnName(const EnrichedEvent& event, const FileName& name, std::vector<Finding>& findings) {
    const AssetInfo& asset = *event.asset;
    if (Allowed(event, asset)) return;
    if (name.op == EVENT_NAME_UNLINK) {
      // Only the event that took the last name: what a replacement left behind is gone already.
      const bool now = asset.unlinked_seq != 0 && asset.unlinked_seq == std::max<uint64_t>(event.event->seq, 1);
      if (now && !Own(event, asset)) ReportName(event, asset, kDeleted, findings);
    } else if (name.op == EVENT_NAME_RENAME) {
      OnRename(event, name, findings);
    } else if (name.op == EVENT_NAME_MOUNT) {
      ReportName(event, asset, kCovered, findings);
    }
  }

  void OnRename(const EnrichedEvent& event, const FileName& name, std::vector<Finding>& findings) {
    const AssetInfo& asset = *event.asset;
    const bool replaced = asset.predecessor && asset.predecessor_seq == event.event->seq;
    if (replaced) {
      const AssetInfo* old = event.host->Asset(asset.predecessor);
      if (!(Own(event, asset) && old != nullptr && Own(event, *old))) ReportName(event, asset, kReplaced, findings);
      return;
    }
    // From its temporary name into place, by who makes it.
    if (name.file != asset.file || InBirth(event, asset) || Own(event, asset)) return;
    ReportName(event, asset, kRenamed, findings);
  }

  static bool Allowed(const EnrichedEvent& event, const AssetInfo& asset) {
    return event.process != nullptr && MayChange(*event.process, asset.klass);
  }
  static bool SameJob(const EnrichedEvent& event, const AssetInfo& asset) {
    return event.event->origin.process && asset.creator_tree && asset.creator_tree == TreeOf(event);
  }
  // The creator of a file may finish it. A job that put its own file over another's asset finished it before that.
  bool InBirth(const EnrichedEvent& event, const AssetInfo& asset) const {
    if (asset.born_ns == 0 || asset.predecessor || !SameJob(event, asset)) return false;
    return event.event->origin.ktime_ns <= asset.born_ns + grace_ns_;
  }
  // A trainer rotates the checkpoints that it has made, confirmed or not.
  static bool Own(const EnrichedEvent& event, const AssetInfo& asset) {
    return asset.klass == "checkpoint" && asset.born_ns != 0 && SameJob(event, asset);
  }

  void ReportName(const EnrichedEvent& event, const AssetInfo& asset, What what, std::vector<Finding>& findings) {
    Matter& matter = *matters_.TryEmplace(MatterKey{asset.file, TreeOf(event)}).first;
    if ((matter.whats >> what & 1) == 0) Report(event, asset, what, matter, findings);
  }

  void Report(const EnrichedEvent& event, const AssetInfo& asset, What what, Matter& matter,
              std::vector<Finding>& findings) {
    matter.whats |= 1u << what;
    matter.reported_bytes = std::max<uint64_t>(matter.bytes, 1);
    Finding finding;
    finding.kind = "integrity";
    finding.what = kWhats[what].name;
    finding.stage = finding.what;
    finding.key = fmt::format("integrity:{}:{}:{}:{}", asset.file.dev, asset.file.ino, asset.file.generation,
                              KeyText(TreeOf(event)));
    finding.process = event.process == nullptr ? event.event->origin.process : event.process->key;
    finding.file = asset.file;
    finding.value = static_cast<double>(matter.bytes);
    finding.unit = "bytes";
    if (asset.size != 0) finding.share = std::min(1.0, finding.value / static_cast<double>(asset.size));
    finding.score = ScoreOf(event, asset, what);
    finding.evidence = fmt::format("{} {} {} {}{}{}", ActorText(event), kWhats[what].verb, asset.klass,
                                   AssetText(asset), RangeText(what, matter), RoleText(event, asset));
    findings.push_back(std::move(finding));
  }

  static std::string RangeText(What what, const Matter& matter) {
    if (what == kRenamed || what == kDeleted || what == kReplaced || what == kAttributes || what == kCovered) return {};
    if (matter.last_end <= matter.first_offset) return {};
    return fmt::format(" ({} at bytes {} to {})", BytesText(matter.bytes), matter.first_offset, matter.last_end - 1);
  }

  // A suggested role relaxes nothing; it tells the reader that a config line may be missing.
  static std::string RoleText(const EnrichedEvent& event, const AssetInfo& asset) {
    const ProcessInfo* process = event.process;
    if (process == nullptr || process->role == Role::kNone) return {};
    if (process->role_confirmed) return fmt::format("; role {} makes no {}", RoleName(process->role), asset.klass);
    return fmt::format("; looks like {} ({}), which the config does not confirm", RoleName(process->role),
                       process->workload);
  }

  static double ScoreOf(const EnrichedEvent& event, const AssetInfo& asset, What what) {
    const double score = kWhats[what].score;
    if (event.process == nullptr) return std::min(score, 0.7);
    const bool suggested = !event.process->role_confirmed && RoleMakes(event.process->role, asset.klass);
    return suggested ? std::min(score, 0.6) : score;
  }

  uint64_t grace_ns_;
  LruMap<MatterKey, Matter> matters_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Detector>> CreateIntegrityDetector(IntegrityConfig config) {
  if (config.max_matters == 0) return absl::InvalidArgumentError("integrity max_matters must not be 0");
  if (config.birth_grace < absl::ZeroDuration() || config.birth_grace > absl::Hours(24 * 366))
    return absl::InvalidArgumentError("integrity birth_grace: give a time from 0 to a year");
  return std::make_unique<IntegrityDetector>(config);
}

}  // namespace tensorwarden
