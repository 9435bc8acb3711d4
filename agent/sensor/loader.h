// Finds the largest set of programs that this kernel takes, loads it as one object, and attaches it.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/sensor/capabilities.h"
#include "agent/sensor/probe_table.h"
#include "agent/sensor/sensor.h"

struct bpf_link;
struct bpf_program;
struct sensor_bpf;

namespace tensorwarden {

struct LinkDeleter {
  void operator()(bpf_link* link) const;
};
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

struct SkeletonDeleter {
  void operator()(sensor_bpf* skeleton) const;
};
using Skeleton = std::unique_ptr<sensor_bpf, SkeletonDeleter>;

// The programs in the kernel. Links are no pins: when this process ends, however it ends, they go.
class LoadedProbes {
 public:
  // A program that the kernel refuses costs its row; the group's next row is tried.
  // Errors: FailedPrecondition when not one row of `process_exec` works; Internal when the object cannot be loaded for
  // a reason that is no program's.
  static absl::StatusOr<std::unique_ptr<LoadedProbes>> Load(const SensorConfig& config, const KernelFeatures& kernel);
  ~LoadedProbes();

  sensor_bpf& skeleton() { return *skeleton_; }
  const sensor_bpf& skeleton() const { return *skeleton_; }

  // Program that serves the group; nullptr when none does.
  bpf_program* Chosen(std::string_view group) const;
  // Links of all chosen programs of this occasion; none when there is no such program. Errors: the kernel's words, with
  // the program's name.
  absl::StatusOr<std::vector<Link>> Attach(When when) const;
  // Links of the program of kSecondStage at each listed call that this kernel has; empty when no such program loaded.
  // Takes a millisecond a call; may run beside other calls of this class. Errors: as Attach().
  absl::StatusOr<std::vector<Link>> AttachListedCalls() const;

  // Link of `http_request` at control group `path` below the cgroup2 root; at the root itself when there is no such
  // group. nullptr when no program serves it.
  absl::StatusOr<Link> AttachServing(const std::string& path) const;

  // One row per group. `stand`: whether the programs of an occasion are attached now.
  std::vector<ProbeRow> Rows(const std::function<bool(When)>& stand) const;

 private:
  explicit LoadedProbes(const SensorConfig& config) : config_(config) {}
  bool MustAttach(When when) const;
  void Choose(const KernelFeatures& kernel);
  bool Usable(const ProbeSpec& spec, const KernelFeatures& kernel);
  absl::Status TryLoad(const KernelFeatures& kernel);
  absl::Status TryAttach();
  absl::StatusOr<Link> AttachOne(const ProbeSpec& spec, int cgroup) const;

  const SensorConfig config_;
  Skeleton skeleton_;
  UniqueFd cgroup_;                                  // root of cgroup2
  std::map<std::string_view, std::string> refused_;  // program -> why, for good
  std::vector<const ProbeSpec*> chosen_;
  std::vector<Link> links_;
};

}  // namespace tensorwarden
