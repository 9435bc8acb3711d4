// What Falco knows of a process, its users and their ages, beyond fields_process.cc.
#include <fmt/format.h>

#include "agent/enrich/account_name.h"
#include "agent/enrich/fields.h"

namespace tensorwarden::fields {
namespace {

constexpr uint32_t kNoLogin = 0xffffffff;
constexpr uint32_t kHostPidNamespace = 0xeffffffc;  // PROC_PID_INIT_INO of the kernel

// All arguments as given, the first one too.
FieldValue ExeLine(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Known(e.process->cmdline);
}

FieldValue ArgumentCount(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process == nullptr || e.process->args.empty()) return {};
  return Number(static_cast<double>(e.process->args.size() - 1));
}

FieldValue ArgumentBytes(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process == nullptr || e.process->args.empty()) return {};
  size_t bytes = 0;
  for (size_t i = 1; i < e.process->args.size(); ++i) bytes += e.process->args[i].size();
  return Number(static_cast<double>(bytes));
}

FieldValue AgeOf(const EnrichedEvent& e, const ProcessInfo* p) {
  if (p == nullptr || p->key.start_ns == 0 || e.event->origin.ktime_ns < p->key.start_ns) return {};
  return Number(static_cast<double>(e.event->origin.ktime_ns - p->key.start_ns));
}

FieldValue StartOf(const EnrichedEvent& e, const ProcessInfo* p) {
  if (p == nullptr || p->key.start_ns == 0 || e.host == nullptr) return {};
  return Number(static_cast<double>(e.host->RealtimeNs(p->key.start_ns)));
}

using AtTime = FieldValue (*)(const EnrichedEvent&, const ProcessInfo*);

template <AtTime kGet>
FieldValue Own(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return kGet(e, e.process);
}

template <AtTime kGet>
FieldValue Parents(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return kGet(e, e.parent);
}

FieldValue ExeInode(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr || !e.process->exe ? FieldValue() : Number(static_cast<double>(e.process->exe.ino));
}

// A file that lies in no tree has the path "/" in our records, and /proc writes "/memfd:name".
FieldValue ExeFromMemory(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process == nullptr || e.process->path.empty()) return {};
  return e.process->path == "/" || e.process->path.starts_with("/memfd:");
}

FieldValue InnerPid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.process == nullptr || e.process->pid_ns != kHostPidNamespace) return {};
  return Number(e.process->key.tgid);
}

FieldValue Thread(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.event->origin.tid == 0 ? FieldValue() : Number(e.event->origin.tid);
}

FieldValue IsMainThread(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.event->origin.tid == 0) return {};
  return e.event->origin.tid == e.event->origin.process.tgid;
}

FieldValue Cgroups(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.process == nullptr ? FieldValue() : Known(e.process->cgroup);
}

// The number keeps "user.name != root" right where there is no name.
FieldValue NameOrNumber(std::string_view name, uint32_t id, FieldScratch& scratch) {
  return name.empty() ? FieldValue(scratch.Keep(fmt::format("{}", id))) : FieldValue(name);
}

FieldValue UserName(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.process == nullptr || e.host == nullptr) return {};
  return NameOrNumber(UserNameOf(*e.process, e.process->uid, *e.host), e.process->uid, scratch);
}

FieldValue GroupName(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.process == nullptr || e.host == nullptr) return {};
  return NameOrNumber(GroupNameOf(*e.process, e.process->gid, *e.host), e.process->gid, scratch);
}

FieldValue LoginName(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.process == nullptr || e.host == nullptr || e.process->login_uid == kNoLogin) return {};
  const uint32_t uid = e.process->login_uid;
  return NameOrNumber(UserNameOf(*e.process, uid, *e.host), uid, scratch);
}

constexpr FieldSpec kFields[] = {
    {"proc.exeline", FieldType::kString, false, kAllKinds, "All arguments, the first one too, joined by a space.",
     ExeLine},
    {"proc.cmdnargs", FieldType::kNumber, false, kAllKinds, "Number of arguments but the first.", ArgumentCount},
    {"proc.cmdlenargs", FieldType::kNumber, false, kAllKinds, "Bytes of all arguments but the first, without blanks.",
     ArgumentBytes},
    {"proc.duration", FieldType::kNumber, false, kAllKinds, "Age of the process, nanoseconds.", Own<AgeOf>,
     FieldArgument::kIndex, FieldContent::kNanoseconds},
    {"proc.ppid.duration", FieldType::kNumber, false, kAllKinds, "Age of the parent, nanoseconds.", Parents<AgeOf>,
     FieldArgument::kIndex, FieldContent::kNanoseconds},
    {"proc.pid.ts", FieldType::kNumber, false, kAllKinds, "When the process started, nanoseconds since 1970.",
     Own<StartOf>, FieldArgument::kIndex, FieldContent::kNanoseconds},
    {"proc.ppid.ts", FieldType::kNumber, false, kAllKinds, "When the parent started, nanoseconds since 1970.",
     Parents<StartOf>, FieldArgument::kIndex, FieldContent::kNanoseconds},
    {"proc.exe_ino", FieldType::kNumber, false, kAllKinds, "Inode number of the executable.", ExeInode},
    {"proc.is_exe_from_memfd", FieldType::kBool, false, kAllKinds, "The executable lies in memory only.",
     ExeFromMemory},
    {"proc.vpid", FieldType::kNumber, false, kAllKinds,
     "Process id as the process sees it; known outside of pid namespaces only.", InnerPid},
    {"thread.tid", FieldType::kNumber, false, kAllKinds, "Id of the thread.", Thread},
    {"thread.ismain", FieldType::kBool, false, kAllKinds, "The thread is the first one of its process.", IsMainThread},
    {"thread.cgroups", FieldType::kString, false, kAllKinds, "The same as proc.cgroup.", Cgroups},
    {"user.name", FieldType::kString, false, kAllKinds,
     "Name of the user in the host's /etc/passwd; the number where it has none, and in containers, where only root is "
     "named.",
     UserName},
    {"user.loginname", FieldType::kString, false, kAllKinds, "The same of the login user.", LoginName},
    {"group.name", FieldType::kString, false, kAllKinds,
     "Name of the group in the host's /etc/group; otherwise as user.name.", GroupName},
};

}  // namespace

std::span<const FieldSpec> LineageFields() { return kFields; }

}  // namespace tensorwarden::fields
