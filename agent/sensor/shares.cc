#include "agent/sensor/shares.h"

#include <algorithm>
#include <utility>

#include "agent/sensor/iterators.h"
#include "agent/sensor/process_starts.h"
#include "agent/sensor/skeleton.h"
#include "bpf/abi/state.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxSharers = 4096;  // beyond it one is forgotten: its next label record brings it back
constexpr int kMaxGapTicks = 32;
constexpr int kWalksPerRun = 32;  // each some 0.1 ms for a process of 300 mappings
// This one looks at every process of the host: 20 000 take some milliseconds.
constexpr uint64_t kTwinsGapNs = 1'000'000'000;

}  // namespace

void Shares::Queue(const ProcessKey& process) {
  if (!process) return;
  if (sharers_.size() >= kMaxSharers && !sharers_.contains(process)) sharers_.erase(sharers_.begin());
  Sharer& sharer = sharers_[process];
  sharer.gap_ticks = sharer.ticks_left = 1;
  if (!std::exchange(sharer.queued, true)) queue_.push_back(process);
}

void Shares::Take(const Event& event) {
  if (const auto* move = std::get_if<LabelMove>(&event.body)) {
    if (move->target_object == EVENT_OBJECT_PROCESS) Queue(event.origin.process);
    if (move->target_object == EVENT_OBJECT_MEMORY) Queue(move->source_process);
  } else if (std::holds_alternative<ProcessExit>(event.body)) {
    sharers_.erase(event.origin.process);
  }
}

void Shares::Walk(const ProcessKey& process, Sharer& sharer, uint64_t now_ns) {
  sharer.shares = false;
  const absl::Status status = ForEachRecord<share_record>(
      probes_.Chosen("list_shares"), process.tgid, [&](const share_record& /*record*/) { sharer.shares = true; });
  if (!status.ok()) return;  // it ended
  if (probes_.skeleton().bss->rings_shared != 0)
    ForEachRecord<share_record>(probes_.Chosen("list_rings"), process.tgid, [&](const share_record& /*record*/) {
      sharer.shares = true;
    }).IgnoreError();
  if (sharer.twins_looked_ns != 0 && now_ns - sharer.twins_looked_ns < kTwinsGapNs) return;
  sharer.twins_looked_ns = now_ns;
  RunIterator(probes_.Chosen("list_twins"), 0, sizeof(share_record), [](const char* /*bytes*/) {}).IgnoreError();
}

void Shares::Run(uint64_t now_ns) {
  for (int walks = 0; walks < kWalksPerRun && !queue_.empty(); ++walks) {
    const ProcessKey process = queue_.front();
    queue_.pop_front();
    const auto found = sharers_.find(process);
    if (found == sharers_.end()) continue;
    found->second.queued = false;
    Walk(process, found->second, now_ns);
  }
}

void Shares::Tick() {
  absl::erase_if(sharers_, [](const auto& entry) { return !IsAlive(entry.first); });
  for (auto& [process, sharer] : sharers_) {
    if (!sharer.shares || sharer.queued || --sharer.ticks_left > 0) continue;
    sharer.ticks_left = sharer.gap_ticks = std::min(2 * sharer.gap_ticks, kMaxGapTicks);
    sharer.queued = true;
    queue_.push_back(process);
  }
}

}  // namespace tensorwarden
