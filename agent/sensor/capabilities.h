// What this kernel offers, found by trying: version numbers lie on distribution kernels.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/sensor/sensor.h"

struct btf;

namespace tensorwarden {

// Where the kernel shows itself; tests point these elsewhere.
struct SensorPaths {
  std::string btf = "/sys/kernel/btf/vmlinux";
  std::vector<std::string> tracefs = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
  std::string mountinfo = "/proc/self/mountinfo";
  std::string lsm_list = "/sys/kernel/security/lsm";
  std::string status = "/proc/self/status";
};

// What no sensor can do without. Errors: FailedPrecondition, one line with place and fix.
absl::Status CheckPrerequisites(const SensorPaths& paths);

// Mount point of the cgroup2 hierarchy, out of /proc/self/mountinfo's text.
// Errors: NotFound with the fix.
absl::StatusOr<std::string> FindCgroup2(std::string_view mountinfo);

// What a hook needs that some kernels lack.
enum class Need { kNothing, kTpBtf, kFentry, kLsm, kCgroup, kTracepoint, kIterator, kSyscallProgram };

class KernelFeatures {
 public:
  // Loads trivial programs and looks into the kernel's types. Takes some milliseconds; nothing stays loaded.
  // Errors: FailedPrecondition when the kernel's types cannot be read.
  static absl::StatusOr<KernelFeatures> Probe(const SensorPaths& paths);
  KernelFeatures(KernelFeatures&&) noexcept;
  KernelFeatures& operator=(KernelFeatures&&) = delete;
  ~KernelFeatures();

  // "" when a program whose section is `section` ("tp_btf/sched_process_exec") can be tried here, else why not.
  std::string WhyNot(std::string_view section) const;
  bool Has(std::string_view name) const { return WhyAbsent(name).empty(); }
  std::string WhyAbsent(std::string_view name) const;  // "" when it is there
  const std::vector<Capability>& All() const { return capabilities_; }
  const std::string& cgroup2() const { return cgroup2_; }  // "" none

 private:
  KernelFeatures() = default;
  void Add(std::string name, std::string why_absent);
  void ProbePrograms(const SensorPaths& paths);
  void ProbeHost(const SensorPaths& paths);

  struct btf* btf_ = nullptr;  // the kernel's own types
  std::string cgroup2_;
  std::vector<Capability> capabilities_;
};

// The need that a section name states.
Need NeedOf(std::string_view section);

}  // namespace tensorwarden
