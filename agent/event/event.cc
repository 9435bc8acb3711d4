#include "agent/event/event.h"

namespace tensorwarden {
namespace {

// By variant index.
constexpr const char* kNames[] = {
    "none",        "process_fork",     "process_exec",   "process_exit", "file_read",
    "file_change", "file_open",        "file_name",      "label",        "egress_bytes",
    "socket",      "device_open",      "file_candidate", "http_segment", "http_request",
    "agent_start", "process_snapshot", "asset_held",     "listener",     "asset_found",
    "asset_gone",  "state_restored",   "loss",           "probe_state",  "tick",
    "finding",     "name_hint",        "evidence",       "host_change",  "dns_query",
    "gpu_call",    "rule_reload",      "accounts",
};
static_assert(std::size(kNames) == kEventKindCount);

}  // namespace

const char* EventKindName(size_t index) { return index < kEventKindCount ? kNames[index] : nullptr; }

const char* EventKindName(const EventBody& body) { return kNames[body.index()]; }

}  // namespace tensorwarden
