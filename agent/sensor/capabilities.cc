#include "agent/sensor/capabilities.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "agent/base/files.h"
#include "agent/base/mountinfo.h"
#include "agent/base/unique_fd.h"
#include "agent/sensor/bpf_log.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxProcBytes = 4 << 20;

std::string Errno(int error) { return std::strerror(error); }

// Effective capabilities; all when /proc cannot say, so that the kernel itself decides.
uint64_t EffectiveCapabilities(const std::string& path) {
  const absl::StatusOr<std::string> status = ReadFile(path, kMaxProcBytes);
  const size_t at = status.ok() ? status->find("CapEff:") : std::string::npos;
  if (at == std::string::npos) return ~uint64_t{0};
  return std::strtoull(status->c_str() + at + 7, nullptr, 16);
}

absl::Status CheckCapabilities(const std::string& path) {
  struct {
    int bit;
    const char* name;
  } constexpr kWanted[] = {{CAP_BPF, "CAP_BPF"}, {CAP_PERFMON, "CAP_PERFMON"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"}};
  const uint64_t effective = EffectiveCapabilities(path);
  if ((effective >> CAP_SYS_ADMIN & 1) != 0) return absl::OkStatus();  // implies the other three for bpf()
  for (const auto& wanted : kWanted) {
    if ((effective >> wanted.bit & 1) == 0)
      return absl::FailedPreconditionError(fmt::format(
          "{} is missing: run as root or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_PTRACE and "
          "CAP_DAC_READ_SEARCH",
          wanted.name));
  }
  // iterators over all tasks and fanotify marks with names
  return absl::FailedPreconditionError(
      "CAP_SYS_ADMIN is missing: run as root or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN, "
      "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
}

bool IsTracefs(const std::string& path) {
  struct statfs fs {};
  return statfs(path.c_str(), &fs) == 0 && static_cast<unsigned long>(fs.f_type) == TRACEFS_MAGIC;
}

// The smallest program there is: `return 0`.
constexpr bpf_insn kReturnZero[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

// "" when the kernel takes `return 0` as a program of this type, else its words.
std::string TryLoad(bpf_prog_type type, bpf_attach_type attach, int btf_id) {
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);
  if (btf_id < 0) return fmt::format("no such kernel type: {}", Errno(-btf_id));
  options.attach_btf_id = static_cast<uint32_t>(btf_id);
  UniqueFd program(bpf_prog_load(type, "try", "GPL", kReturnZero, std::size(kReturnZero), &options));
  return program ? "" : Errno(errno);
}

// A kernel may describe its variables in BTF and not tell where they are (no CONFIG_KALLSYMS_ALL).
std::string WhyNoVariables(const btf* kernel) {
  int id = -ENOENT;
  for (const char* name : {"pcpu_hot", "__preempt_count"})
    if (id < 0) id = btf__find_by_name_kind(kernel, name, BTF_KIND_VAR);
  if (id < 0) return "BTF has none";
  const bpf_insn instructions[] = {
      {.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_BTF_ID, .off = 0, .imm = id},
      {.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
      kReturnZero[0],
      kReturnZero[1]};
  UniqueFd program(
      bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "try", "GPL", instructions, std::size(instructions), nullptr));
  return program ? "" : Errno(errno);
}

// A program loads on a kernel whose list of security modules lacks "bpf", and is never called there.
std::string WhyNoLsm(const std::string& list_path) {
  std::string load = TryLoad(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC));
  if (!load.empty()) return load;
  const absl::StatusOr<std::string> list = ReadFile(list_path, kMaxProcBytes);
  if (!list.ok()) return "the list of security modules cannot be read: mount securityfs on /sys/kernel/security";
  std::istringstream names(*list);
  for (std::string name; std::getline(names, name, ',');)
    if (name == "bpf" || name == "bpf\n") return "";
  return "bpf is not among the security modules: boot with lsm=...,bpf";
}

std::string WhyNoFanotify(unsigned flags) {
  UniqueFd group(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | flags, O_RDONLY | O_CLOEXEC));
  return group ? "" : Errno(errno);
}

struct SectionPrefix {
  std::string_view prefix;
  Need need;
  const char* capability;
};
constexpr SectionPrefix kSections[] = {
    {"tp_btf/", Need::kTpBtf, "tp_btf"},
    {"fentry", Need::kFentry, "fentry"},
    {"fexit", Need::kFentry, "fentry"},
    {"fmod_ret", Need::kFentry, "fentry"},
    {"lsm", Need::kLsm, "lsm"},
    {"cgroup", Need::kCgroup, "cgroup2"},
    {"tp/", Need::kTracepoint, "tracefs"},
    {"tracepoint/", Need::kTracepoint, "tracefs"},
    {"iter", Need::kIterator, "iter"},
    {"syscall", Need::kSyscallProgram, "syscall_program"},
};

const SectionPrefix* FindSection(std::string_view section) {
  for (const SectionPrefix& row : kSections)
    if (section.starts_with(row.prefix)) return &row;
  return nullptr;
}

std::string_view Target(std::string_view section) {
  const size_t slash = section.find('/');
  return slash == std::string_view::npos ? "" : section.substr(slash + 1);
}

}  // namespace

Need NeedOf(std::string_view section) {
  const SectionPrefix* row = FindSection(section);
  return row == nullptr ? Need::kNothing : row->need;
}

absl::Status CheckPrerequisites(const SensorPaths& paths) {
  if (absl::Status status = CheckCapabilities(paths.status); !status.ok()) return status;
  if (access(paths.btf.c_str(), R_OK) != 0)
    return absl::FailedPreconditionError(
        fmt::format("kernel BTF: {} is missing: use a kernel with CONFIG_DEBUG_INFO_BTF=y", paths.btf));
  for (const std::string& path : paths.tracefs)
    if (IsTracefs(path)) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format("tracefs is not mounted: mount -t tracefs tracefs {}",
                                                   paths.tracefs.empty() ? "/sys/kernel/tracing" : paths.tracefs[0]));
}

absl::StatusOr<std::string> FindCgroup2(std::string_view mountinfo) {
  for (const Mount& mount : ParseMountinfo(mountinfo))
    if (mount.type == "cgroup2" && mount.root == "/") return mount.point;  // a part would hide the processes outside it
  return absl::NotFoundError("cgroup2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup/unified");
}

KernelFeatures::KernelFeatures(KernelFeatures&& other) noexcept
    : btf_(std::exchange(other.btf_, nullptr)),
      cgroup2_(std::move(other.cgroup2_)),
      capabilities_(std::move(other.capabilities_)) {}

KernelFeatures::~KernelFeatures() { btf__free(btf_); }

void KernelFeatures::Add(std::string name, std::string why_absent) {
  const bool present = why_absent.empty();
  capabilities_.push_back({std::move(name), present, std::move(why_absent)});
}

std::string KernelFeatures::WhyAbsent(std::string_view name) const {
  for (const Capability& capability : capabilities_)
    if (capability.name == name) return capability.why;
  return "";
}

void KernelFeatures::ProbePrograms(const SensorPaths& paths) {
  Add("tp_btf", TryLoad(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP,
                        libbpf_find_vmlinux_btf_id("sched_process_exec", BPF_TRACE_RAW_TP)));
  Add("fentry", TryLoad(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY,
                        libbpf_find_vmlinux_btf_id("security_file_open", BPF_TRACE_FENTRY)));
  Add("lsm", WhyNoLsm(paths.lsm_list));
  Add("iter", TryLoad(BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, libbpf_find_vmlinux_btf_id("task_file", BPF_TRACE_ITER)));
  Add("cgroup_skb", TryLoad(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, 0));
  Add("cgroup_sock_addr", TryLoad(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 0));
  Add("cgroup_device", TryLoad(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, 0));
  Add("variables", WhyNoVariables(btf_));
  const int ring = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr);
  Add("ring_buffer", ring == 1 ? "" : ring < 0 ? Errno(-ring) : "map type not known");
  const int loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, nullptr);
  Add("bpf_loop", loop == 1 ? "" : "helper not known");
}

void KernelFeatures::ProbeHost(const SensorPaths& paths) {
  std::string no_tracefs = "not mounted: mount -t tracefs tracefs /sys/kernel/tracing";
  for (const std::string& path : paths.tracefs)
    if (IsTracefs(path)) no_tracefs.clear();
  Add("tracefs", std::move(no_tracefs));
  const absl::StatusOr<std::string> mounts = ReadFile(paths.mountinfo, kMaxProcBytes);
  const absl::StatusOr<std::string> cgroup2 =
      mounts.ok() ? FindCgroup2(*mounts) : absl::StatusOr<std::string>(mounts.status());
  if (cgroup2.ok()) cgroup2_ = *cgroup2;
  Add("cgroup2", cgroup2.ok() ? "" : std::string(cgroup2.status().message()));
  Add("fanotify", WhyNoFanotify(FAN_REPORT_DFID_NAME_TARGET));
}

absl::StatusOr<KernelFeatures> KernelFeatures::Probe(const SensorPaths& paths) {
  BpfLog::Install();
  KernelFeatures features;
  features.btf_ = btf__parse(paths.btf.c_str(), nullptr);
  if (features.btf_ == nullptr)
    return absl::FailedPreconditionError(fmt::format(
        "kernel BTF: {} cannot be read ({}): use a kernel with CONFIG_DEBUG_INFO_BTF=y", paths.btf, Errno(errno)));
  features.Add("btf", "");
  features.ProbePrograms(paths);
  features.ProbeHost(paths);
  BpfLog::Take();
  return features;
}

std::string KernelFeatures::WhyNot(std::string_view section) const {
  const SectionPrefix* row = FindSection(section);
  if (row == nullptr) return fmt::format("section '{}' is of no kind that this agent loads", section);
  if (std::string why = WhyAbsent(row->capability); !why.empty()) return fmt::format("{}: {}", row->capability, why);
  const std::string target(Target(section));
  const auto has = [this](const std::string& name, uint32_t kind) {
    return btf__find_by_name_kind(btf_, name.c_str(), kind) > 0;
  };
  if (row->need == Need::kTpBtf && !has("btf_trace_" + target, BTF_KIND_TYPEDEF))
    return fmt::format("the kernel has no tracepoint {}", target);
  if (row->need == Need::kFentry && !has(target, BTF_KIND_FUNC))
    return fmt::format("the kernel has no traceable function {}", target);
  if (row->need == Need::kLsm && !has("bpf_lsm_" + target, BTF_KIND_FUNC))
    return fmt::format("the kernel has no security hook {}", target);
  if (row->need == Need::kIterator && !has("bpf_iter_" + target, BTF_KIND_FUNC))
    return fmt::format("the kernel has no iterator {}", target);
  return "";
}

}  // namespace tensorwarden
