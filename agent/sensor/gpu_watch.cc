#include "agent/sensor/gpu_watch.h"

#include <algorithm>
#include <utility>

#include "agent/sensor/process_starts.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxHolders = 65536;

}  // namespace

bool GpuWatch::Matters(uint32_t major) const {
  const auto nodes = std::find_if(maps_.devices().begin(), maps_.devices().end(),
                                  [major](const DeviceNodes& n) { return n.major == major; });
  if (nodes == maps_.devices().end()) return false;
  return nodes->driver != 0 && nodes->driver != EVENT_GPU_DRM && nodes->driver != EVENT_GPU_VERBS;
}

absl::Status GpuWatch::Ask(bool wanted) {
  wanted_ = wanted;
  if (!wanted) LetGo();
  return holders_.empty() ? absl::OkStatus() : Attach();
}

absl::Status GpuWatch::Opened(ProcessKey process, uint32_t major, uint64_t now_ns) {
  if (!Matters(major) || maps_.IsConfirmed(process)) return absl::OkStatus();
  if (holders_.size() < kMaxHolders) holders_.insert(process);
  last_reason_ns_ = now_ns;
  return Attach();
}

absl::Status GpuWatch::Attach() {
  if (!wanted_ || Attached()) return absl::OkStatus();
  absl::StatusOr<std::vector<Link>> links = probes_.Attach(When::kGpu);
  if (!links.ok()) return links.status();
  links_ = *std::move(links);
  return absl::OkStatus();
}

void GpuWatch::LetGo() {
  if (!Attached()) return;
  letting_go_ = std::async(std::launch::async, [links = std::exchange(links_, {})]() mutable { links.clear(); });
}

void GpuWatch::Tick(uint64_t now_ns) {
  absl::erase_if(holders_,
                 [this](const ProcessKey& process) { return !IsAlive(process) || maps_.IsConfirmed(process); });
  if (!holders_.empty()) last_reason_ns_ = now_ns;
  const auto hold_ns = static_cast<uint64_t>(absl::ToInt64Nanoseconds(config_.escalation_hold));
  if (now_ns - last_reason_ns_ >= hold_ns) LetGo();
}

}  // namespace tensorwarden
