// Hooks at ioctl(2), attached while a process whose calls matter has an accelerator open.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <future>
#include <vector>

#include "agent/event/event.h"
#include "agent/sensor/kernel_maps.h"
#include "agent/sensor/loader.h"

namespace tensorwarden {

// Nodes that desktops and RDMA programs hold for as long as they live are no reason: they would keep the hooks up for
// good. Their calls are told while another reason stands.
class GpuWatch {
 public:
  GpuWatch(const LoadedProbes& probes, const KernelMaps& maps, const SensorConfig& config)
      : probes_(probes), maps_(maps), config_(config) {}

  // Whether anybody looks at calls. Errors: the kernel's.
  absl::Status Ask(bool wanted);
  // Attaches at once, if somebody does. Errors: the kernel's.
  absl::Status Opened(ProcessKey process, uint32_t major, uint64_t now_ns);
  // Lets go when the last such process has ended or is confirmed, after the hold of escalations.
  void Tick(uint64_t now_ns);
  bool Attached() const { return !links_.empty(); }

 private:
  bool Matters(uint32_t major) const;
  absl::Status Attach();
  void LetGo();

  const LoadedProbes& probes_;
  const KernelMaps& maps_;
  const SensorConfig& config_;
  bool wanted_ = false;
  absl::flat_hash_set<ProcessKey> holders_;
  std::vector<Link> links_;
  uint64_t last_reason_ns_ = 0;
  std::future<void> letting_go_;  // takes tens of milliseconds, so not on the event thread
};

}  // namespace tensorwarden
