// gpu.*, device.*: nodes of accelerators and disks, and what is asked of accelerators.
#include "agent/base/device_majors.h"
#include "agent/enrich/fields.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kNodes = kKinds<DeviceOpen, GpuCall>;

template <auto kOfOpen, auto kOfCall>
FieldValue NodeNumber(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (const DeviceOpen* open = Body<DeviceOpen>(e)) return Number(open->*kOfOpen);
  const GpuCall* call = Body<GpuCall>(e);
  return call == nullptr ? FieldValue() : Number(call->*kOfCall);
}

FieldValue GpuFamily(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (const GpuCall* call = Body<GpuCall>(e)) return Known(call->driver);
  const DeviceOpen* open = Body<DeviceOpen>(e);
  if (open == nullptr) return {};
  if (open->major == kNvidiaMajor) return std::string_view("nvidia");
  if (open->major == kDrmMajor) return std::string_view("drm");
  if (open->major == kAccelMajor) return std::string_view("accel");
  return {};
}

FieldValue DeviceType(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  constexpr uint32_t kBlock = 1;  // as the kernel's device control groups number them
  const DeviceOpen* open = Body<DeviceOpen>(e);
  if (open == nullptr) return {};
  return std::string_view(open->type == kBlock ? "block" : "character");
}

FieldValue Failed(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  constexpr uint32_t kNothingToDo = 0x00010006;  // NV_WARN_NOTHING_TO_DO
  const GpuCall* call = Body<GpuCall>(e);
  if (call == nullptr) return {};
  return call->result < 0 || (call->status != 0 && call->status != kNothingToDo);
}

FieldValue Altered(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const GpuCall* call = Body<GpuCall>(e);
  return call == nullptr ? FieldValue() : FieldValue(call->altered);
}

// The process that a call reaches into, when it says so and it is not the caller itself.
struct Target {
  bool exists = false;
  ProcessKey key;  // zero: not known which
};
Target TargetOf(const EnrichedEvent& e) {
  const GpuCall* call = Body<GpuCall>(e);
  if (call == nullptr || e.host == nullptr) return {};
  const ProcessKey self = e.event->origin.process;
  if (call->target > 0) {
    const auto pid = static_cast<uint32_t>(call->target);
    return {pid != self.tgid, {pid, 0}};
  }
  if (call->other == 0) return {};
  const ProcessKey owner = e.host->GpuClientOwner(call->other);
  return {owner != self, owner};
}

FieldValue Relation(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const GpuCall* call = Body<GpuCall>(e);
  if (call == nullptr || (call->other == 0 && call->target <= 0)) return {};
  const Target target = TargetOf(e);
  if (!target.exists) return std::string_view("own");
  const ProcessInfo* process = target.key ? e.host->Process(target.key) : nullptr;
  if (process == nullptr || e.process == nullptr) return std::string_view("unknown");
  if (process->tree == e.process->tree) return std::string_view("job");
  return std::string_view(process->uid == e.process->uid ? "user" : "other");
}

FieldValue TargetPid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const Target target = TargetOf(e);
  return target.exists && target.key ? Number(target.key.tgid) : FieldValue();
}

const ProcessInfo* TargetProcess(const EnrichedEvent& e) {
  const Target target = TargetOf(e);
  return target.exists && target.key ? e.host->Process(target.key) : nullptr;
}

FieldValue TargetName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const ProcessInfo* target = TargetProcess(e);
  return target == nullptr ? FieldValue() : Known(target->comm);
}

FieldValue TargetRole(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const ProcessInfo* target = TargetProcess(e);
  return target == nullptr ? FieldValue() : FieldValue(std::string_view(RoleName(target->role)));
}

constexpr FieldSpec kFields[] = {
    {"gpu.major", FieldType::kNumber, false, kNodes, "Major number of the device node.",
     NodeNumber<&DeviceOpen::major, &GpuCall::major>},
    {"gpu.minor", FieldType::kNumber, false, kNodes, "Minor number; 255 of NVIDIA is the control node.",
     NodeNumber<&DeviceOpen::minor, &GpuCall::minor>},
    {"gpu.family", FieldType::kString, false, kNodes, "Driver; of an open by fixed major: nvidia, drm, accel.",
     GpuFamily},
    {"gpu.access", FieldType::kNumber, false, kKinds<DeviceOpen>, "Access bits: 1 mknod, 2 read, 4 write.",
     Value<DeviceOpen, &DeviceOpen::access>},
    {"gpu.call", FieldType::kString, false, kKinds<GpuCall>,
     "What was asked of the driver, by its own name: rm_control, tools_read_process_memory, ...; a number without one.",
     Text<GpuCall, &GpuCall::call>},
    {"gpu.subject", FieldType::kString, false, kKinds<GpuCall>,
     "Class of object that is made, or command: gt200_debugger, debug_read_memory, ...; a number without a name.",
     Text<GpuCall, &GpuCall::subject>},
    {"gpu.use", FieldType::kString, false, kKinds<GpuCall>, "What the call is good for; absent of what is routine.",
     Text<GpuCall, &GpuCall::use>},
    {"gpu.bytes", FieldType::kNumber, false, kKinds<GpuCall>, "Memory that the call is about.",
     Value<GpuCall, &GpuCall::bytes>},
    {"gpu.result", FieldType::kNumber, false, kKinds<GpuCall>, "Result of ioctl(2); an error is negative.",
     Value<GpuCall, &GpuCall::result>},
    {"gpu.status", FieldType::kNumber, false, kKinds<GpuCall>, "NVIDIA: the driver's status, 0 when it did it.",
     Value<GpuCall, &GpuCall::status>},
    {"gpu.failed", FieldType::kBool, false, kKinds<GpuCall>, "The driver refused.", Failed},
    {"gpu.altered", FieldType::kBool, false, kKinds<GpuCall>,
     "What the call asks for changed in memory while it ran: another thread meant to hide it.", Altered},
    {"gpu.relation", FieldType::kString, false, kKinds<GpuCall>,
     "Whose memory or context the call reaches into: own; job (another process of the same tree), user (another job of "
     "the same user), other (another user's), unknown; absent when it names nobody.",
     Relation},
    {"gpu.target.pid", FieldType::kNumber, false, kKinds<GpuCall>, "Process that the call reaches into.", TargetPid},
    {"gpu.target.name", FieldType::kString, false, kKinds<GpuCall>, "Its name.", TargetName},
    {"gpu.target.role", FieldType::kString, false, kKinds<GpuCall>, "Its workload's role; none outside of workloads.",
     TargetRole},
    {"device.type", FieldType::kString, false, kKinds<DeviceOpen>,
     "block (a device below a file system that holds assets) or character (an accelerator).", DeviceType},
};

}  // namespace

std::span<const FieldSpec> GpuFields() { return kFields; }

}  // namespace tensorwarden::fields
