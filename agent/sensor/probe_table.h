// Which program serves which subject, best first. Preference and fallback are rows of data.
#pragma once

#include <span>
#include <string_view>

#include "agent/sensor/capabilities.h"

namespace tensorwarden {

// What a hook taxes; docs/architecture.md tells them apart.
enum class Tier {
  kObject,    // LSM, fentry: only the operation itself
  kDataPath,  // tracepoints on the page cache, sockets and processes, cgroup programs: only the operation itself
  kSyscall,   // sys_exit: every call of every process
};
const char* TierName(Tier tier);

enum class When {
  kAlways,
  kEscalated,    // by Sensor::Escalate(), as long as it lasts
  kFirstStage,   // of an escalation: at once, for every call
  kSecondStage,  // in its place: at the end of each of ListedCalls()
  kOpens,        // while a rule asks for opens
  kDns,          // while a rule asks for DNS queries, else as kEscalated
  kGpu,          // while GpuWatch has a reason
  kServing,      // while a port serves, at the control group of who listens
  kOnRequest,    // run by the agent itself: queries and iterators
};

struct ProbeSpec {
  std::string_view group;    // what it sees; the group's first row that works serves it alone
  std::string_view program;  // name in bpf/probes
  Tier tier;
  When when;
  // The subject has one hook on every kernel, so a limit on tiers does not take it away.
  bool only_hook = false;
  std::string_view only_with = {};  // wanted only where this program was chosen; it would count twice otherwise
  std::string_view needs = {};      // of KernelFeatures, beside what the program's section says
};

// The system calls that labels need, by their tracepoints' names ("sys_exit_read"); some machines lack a few.
std::span<const std::string_view> ListedCalls();

// Rows of one group follow each other.
std::span<const ProbeSpec> ProbeTable();

}  // namespace tensorwarden
