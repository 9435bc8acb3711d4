// proc.*, user.*, group.*, workload.*: who did it. Of a finding: the process that it is about.
#include <fmt/format.h>

#include <charconv>

#include "agent/enrich/fields.h"
#include "agent/host/container.h"

namespace tensorwarden::fields {
namespace {

constexpr size_t kMaxAncestors = 32;  // a deeper tree is a fork bomb, or a loop in damaged data
constexpr uint32_t kNoLogin = 0xffffffff;

FieldValue NameOf(const ProcessInfo* p) { return p == nullptr ? FieldValue() : Known(p->comm); }
FieldValue PathOf(const ProcessInfo* p) { return p == nullptr ? FieldValue() : Known(p->path); }
FieldValue ExeOf(const ProcessInfo* p) { return p == nullptr || p->args.empty() ? PathOf(p) : Known(p->args.front()); }

// As Falco has it: the name, and all arguments but the first. Mostly that is what was typed, and nothing to build.
FieldValue CommandOf(const ProcessInfo* p, FieldScratch& scratch) {
  if (p == nullptr) return {};
  if (p->args.empty() || p->args.front() == p->comm || p->comm.empty()) return Known(p->cmdline);
  std::string text = p->comm;
  for (size_t i = 1; i < p->args.size(); ++i) {
    text += ' ';
    text += p->args[i];
  }
  return scratch.Keep(text);
}

// The other getters need no scratch.
template <FieldValue (*kGet)(const ProcessInfo*)>
FieldValue Plain(const ProcessInfo* p, FieldScratch&) {
  return kGet(p);
}

using ProcessGetter = FieldValue (*)(const ProcessInfo*, FieldScratch&);

template <ProcessGetter kGet>
FieldValue OfProcess(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  return kGet(e.process, scratch);
}

template <ProcessGetter kGet>
FieldValue OfParent(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  return kGet(e.parent, scratch);
}

const ProcessInfo* ParentOf(const EnrichedEvent& e, const ProcessInfo& p) {
  return e.host == nullptr || !p.parent ? nullptr : e.host->Process(p.parent);
}

// Calls `visit` on ancestor number `argument` ([0] is the process itself, [1] its parent); without an argument, on all.
template <typename Visit>
void VisitAncestors(const EnrichedEvent& e, std::string_view argument, Visit visit) {
  size_t wanted = kMaxAncestors;
  if (!argument.empty()) {
    const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), wanted);
    if (error != std::errc() || end != argument.data() + argument.size() || wanted >= kMaxAncestors) return;
  }
  const ProcessInfo* p = e.process;
  for (size_t depth = 0; p != nullptr && depth < kMaxAncestors; ++depth, p = ParentOf(e, *p)) {
    if (argument.empty() ? depth == 0 : depth != wanted) continue;
    visit(*p);
    if (!argument.empty()) break;
  }
}

template <ProcessGetter kGet>
FieldValue OfAncestors(const EnrichedEvent& e, std::string_view argument, FieldScratch& scratch) {
  std::vector<std::string_view> values;
  VisitAncestors(e, argument, [&](const ProcessInfo& p) {
    const FieldValue value = kGet(&p, scratch);
    if (const auto* text = std::get_if<std::string_view>(&value)) values.push_back(*text);
  });
  return List(std::move(values));
}

FieldValue AncestorPids(const EnrichedEvent& e, std::string_view argument, FieldScratch&) {
  std::vector<double> values;
  VisitAncestors(e, argument, [&](const ProcessInfo& p) { values.push_back(p.key.tgid); });
  return values.empty() ? FieldValue() : FieldValue(std::move(values));
}

FieldValue Pid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process != nullptr) return Number(e.process->key.tgid);
  const ProcessKey key = e.finding != nullptr && e.finding->process ? e.finding->process : e.event->origin.process;
  return key ? Number(key.tgid) : FieldValue();
}

FieldValue ParentPid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr || !e.process->parent ? FieldValue() : Number(e.process->parent.tgid);
}

FieldValue Arguments(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.process == nullptr || e.process->args.empty()) return {};
  std::string text;  // "" is a fact: called without arguments
  for (size_t i = 1; i < e.process->args.size(); ++i) {
    if (i > 1) text += ' ';
    text += e.process->args[i];
  }
  return scratch.Keep(text);
}

FieldValue Cwd(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Known(e.process->cwd);
}

FieldValue Cgroup(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Known(e.process->cgroup);
}

// The systemd unit: the last component of the cgroup path that is a service or a scope.
FieldValue Unit(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  std::string_view rest = e.process == nullptr ? std::string_view() : std::string_view(e.process->cgroup);
  while (!rest.empty()) {
    const size_t slash = rest.rfind('/');
    const std::string_view last = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
    if (last.ends_with(".service") || last.ends_with(".scope")) return last;
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
  }
  return {};
}

// Falco's words: what runs in no container has the id "host".
constexpr std::string_view kHost = "host";

template <std::string_view (*kGet)(const ContainerId&)>
FieldValue OfContainer(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process == nullptr || e.process->cgroup.empty()) return {};
  const ContainerId container = ContainerOf(e.process->cgroup);
  return container.id.empty() ? FieldValue(kHost) : Known(kGet(container));
}

std::string_view ShortIdOf(const ContainerId& container) { return container.ShortId(); }
std::string_view FullIdOf(const ContainerId& container) { return container.id; }
std::string_view RuntimeOf(const ContainerId& container) { return container.runtime; }

// Only a runtime knows the name that it gave; some use it as the id.
std::string_view NameOfContainer(const ContainerId& container) {
  return container.runtime == "lxc" || container.runtime == "nspawn" ? container.id : std::string_view();
}

FieldValue Pod(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Known(ContainerOf(e.process->cgroup).pod);
}

template <uint32_t ProcessInfo::*kMember>
FieldValue Namespace(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr || e.process->*kMember == 0 ? FieldValue() : Number(e.process->*kMember);
}

FieldValue RoleOf(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : FieldValue(std::string_view(RoleName(e.process->role)));
}

FieldValue RoleConfirmed(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : FieldValue(e.process->role_confirmed);
}

FieldValue Labels(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process == nullptr || e.host == nullptr) return {};
  std::vector<std::string_view> names;
  for (uint32_t bit = 0; bit < 64; ++bit) {
    if (((e.process->labels >> bit) & 1) == 0) continue;
    const LabelInfo* label = e.host->Label(bit);
    names.push_back(label == nullptr ? std::string_view("unknown") : std::string_view(label->name));
  }
  return List(std::move(names));
}

template <uint32_t ProcessInfo::*kMember>
FieldValue ProcessNumber(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Number(e.process->*kMember);
}

FieldValue LoginUid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr || e.process->login_uid == kNoLogin ? FieldValue() : Number(e.process->login_uid);
}

FieldValue WorkloadName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Known(e.process->workload);
}

FieldValue Job(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.process == nullptr || !e.process->tree) return {};
  return scratch.Keep(fmt::format("{}-{}", e.process->tree.tgid, e.process->tree.start_ns));
}

FieldValue WorkloadRole(const EnrichedEvent& e, std::string_view argument, FieldScratch& scratch) {
  return e.process == nullptr || e.process->workload.empty() ? FieldValue() : RoleOf(e, argument, scratch);
}

constexpr FieldSpec kFields[] = {
    {"proc.pid", FieldType::kNumber, false, kAllKinds, "Process id in the host's pid namespace.", Pid},
    {"proc.ppid", FieldType::kNumber, false, kAllKinds, "Process id of the parent.", ParentPid},
    {"proc.name", FieldType::kString, false, kAllKinds, "Name of the program, at most 15 bytes.",
     OfProcess<Plain<NameOf>>},
    {"proc.exe", FieldType::kString, false, kAllKinds, "The first argument; the path where there is none.",
     OfProcess<Plain<ExeOf>>},
    {"proc.exepath", FieldType::kString, false, kAllKinds, "Full path of the executable, as the kernel resolved it.",
     OfProcess<Plain<PathOf>>},
    {"proc.cmdline", FieldType::kString, false, kAllKinds, "Name and arguments, joined by a space, secrets redacted.",
     OfProcess<CommandOf>},
    {"proc.args", FieldType::kString, false, kAllKinds, "All arguments but the first, joined by a space.", Arguments},
    {"proc.cwd", FieldType::kString, false, kAllKinds, "Working directory when the program started.", Cwd},
    {"proc.pname", FieldType::kString, false, kAllKinds, "Name of the parent.", OfParent<Plain<NameOf>>},
    {"proc.pexe", FieldType::kString, false, kAllKinds, "First argument of the parent.", OfParent<Plain<ExeOf>>},
    {"proc.pexepath", FieldType::kString, false, kAllKinds, "Full path of the parent's executable.",
     OfParent<Plain<PathOf>>},
    {"proc.pcmdline", FieldType::kString, false, kAllKinds, "Name and arguments of the parent.", OfParent<CommandOf>},
    {"proc.aname", FieldType::kStringList, true, kAllKinds,
     "Name of an ancestor: [1] the parent, [2] its parent; without an argument, any ancestor.",
     OfAncestors<Plain<NameOf>>},
    {"proc.aexepath", FieldType::kStringList, true, kAllKinds, "Executable path of an ancestor, as proc.aname.",
     OfAncestors<Plain<PathOf>>},
    {"proc.acmdline", FieldType::kStringList, true, kAllKinds, "Name and arguments of an ancestor, as proc.aname.",
     OfAncestors<CommandOf>},
    {"proc.aexe", FieldType::kStringList, true, kAllKinds, "First argument of an ancestor, as proc.aname.",
     OfAncestors<Plain<ExeOf>>},
    {"proc.apid", FieldType::kNumberList, true, kAllKinds, "Process id of an ancestor, as proc.aname.", AncestorPids},
    {"proc.cgroup", FieldType::kString, false, kAllKinds, "Path below the cgroup2 root.", Cgroup},
    {"proc.unit", FieldType::kString, false, kAllKinds, "systemd service or scope of the process.", Unit},
    {"proc.mntns", FieldType::kNumber, false, kAllKinds, "Inode number of the mount namespace.",
     Namespace<&ProcessInfo::mnt_ns>},
    {"proc.pidns", FieldType::kNumber, false, kAllKinds, "Inode number of the pid namespace.",
     Namespace<&ProcessInfo::pid_ns>},
    {"container.id", FieldType::kString, false, kAllKinds,
     "First twelve digits of the container's id, by the control group; host outside of containers.",
     OfContainer<ShortIdOf>},
    {"container.full_id", FieldType::kString, false, kAllKinds, "The whole id; host outside of containers.",
     OfContainer<FullIdOf>},
    {"container.type", FieldType::kString, false, kAllKinds,
     "docker, containerd, podman, cri-o, lxc, nspawn; container where the path does not say; host outside.",
     OfContainer<RuntimeOf>},
    {"container.name", FieldType::kString, false, kAllKinds,
     "Name of an lxc or nspawn container, host outside of containers; of others only the runtime knows it.",
     OfContainer<NameOfContainer>},
    {"k8s.pod.uid", FieldType::kString, false, kAllKinds, "Uid of the Kubernetes pod, as the control group spells it.",
     Pod},
    {"k8s.pod.id", FieldType::kString, false, kAllKinds, "The same as k8s.pod.uid.", Pod},
    {"proc.role", FieldType::kString, false, kAllKinds, "Part it plays; none outside of workloads.", RoleOf},
    {"proc.role.confirmed", FieldType::kBool, false, kAllKinds,
     "The role rests on executable, unit, cgroup or user, not on names alone.", RoleConfirmed},
    {"proc.tree", FieldType::kString, false, kAllKinds,
     "Identity of the job: process id and start of the oldest ancestor that belongs to it.", Job},
    {"proc.labels", FieldType::kStringList, false, kAllKinds, "Asset sets whose bytes the process carries.", Labels},
    {"user.uid", FieldType::kNumber, false, kAllKinds, "User id, in the initial user namespace.",
     ProcessNumber<&ProcessInfo::uid>},
    {"proc.uid", FieldType::kNumber, false, kAllKinds, "The same as user.uid.", ProcessNumber<&ProcessInfo::uid>},
    {"group.gid", FieldType::kNumber, false, kAllKinds, "Group id, in the initial user namespace.",
     ProcessNumber<&ProcessInfo::gid>},
    {"user.loginuid", FieldType::kNumber, false, kAllKinds, "User id of the login session; absent for services.",
     LoginUid},
    {"workload.name", FieldType::kString, false, kAllKinds, "Workload of the process, configured or suggested.",
     WorkloadName},
    {"workload.id", FieldType::kString, false, kAllKinds, "The same as workload.name.", WorkloadName},
    {"workload.role", FieldType::kString, false, kAllKinds, "Role of that workload.", WorkloadRole},
};

}  // namespace

std::span<const FieldSpec> ProcessFields() { return kFields; }

}  // namespace tensorwarden::fields
