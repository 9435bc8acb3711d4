#include "agent/event/gpu_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "agent/event/gpu_names.h"

namespace tensorwarden {
namespace {

using Bytes = std::span<const uint8_t>;
using gpu::kNone;

enum NvNumber : uint32_t {
  kAllocMemory = 0x27,
  kFree = 0x29,
  kControl = 0x2a,
  kAlloc = 0x2b,
  kShare = 0x35,
  kHeap = 0x4a
};
constexpr uint32_t kRequestMask = 0xff;
constexpr uint32_t kRootClasses[] = {0x0, 0x1, 0x41};
constexpr uint32_t kOsDescriptor = 0x71;  // the process's own pages
constexpr uint32_t kHeapAllocSize = 2;    // function of rm_vid_heap_control
constexpr uint32_t kSetInheritedPolicy = 0xd04;
constexpr uint16_t kShareWithSameUser = 2;  // and 1: with all; above: by client, process, partition, ...
constexpr uint32_t kCriuCheckpoint = 1;
constexpr uint32_t kHabanaExport = 5;
constexpr uint32_t kMrObject = 7;  // RDMA_VERBS_IOCTL: memory regions
constexpr uint32_t kVerbsIoctl = 0xc0181b01;
constexpr uint32_t kRegDmabufMethod = 4;

// Zero where the call has no such bytes.
template <typename T>
T Read(Bytes bytes, int at) {
  T value{};
  if (at >= 0 && static_cast<size_t>(at) + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

Bytes Used(const uint8_t* bytes, size_t used, size_t max) { return {bytes, std::min(used, max)}; }

std::string Hex(uint64_t number) { return fmt::format("{:#x}", number); }

// Where RM_ALLOC's status is: NVOS21 has 32 bytes, NVOS64 48, and 40 up to driver 525.
int AllocStatus(uint32_t size) {
  constexpr uint32_t kNvos21 = 32;
  constexpr uint32_t kNvos64Of525 = 40;
  if (size == kNvos21) return 28;
  return size == kNvos64Of525 ? 36 : 40;
}

void TakeSubject(const gpu::SubjectName* subject, uint32_t number, Bytes pointed, GpuCall& call) {
  call.subject = subject == nullptr ? Hex(number) : std::string(subject->name);
  if (subject == nullptr) return;
  call.use = subject->use;
  call.other = Read<uint32_t>(pointed, subject->other);
  call.bytes = subject->short_bytes != kNone ? Read<uint32_t>(pointed, subject->short_bytes)
                                             : Read<uint64_t>(pointed, subject->bytes);
}

void TakeAlloc(const gpu_call_event& wire, Bytes argument, Bytes pointed, GpuCall& call) {
  const auto klass = Read<uint32_t>(argument, 12);
  TakeSubject(gpu::FindClass(klass), klass, pointed, call);
  call.status = Read<uint32_t>(argument, AllocStatus(wire.argument_size));
  const bool is_root = std::find(std::begin(kRootClasses), std::end(kRootClasses), klass) != std::end(kRootClasses);
  if (is_root) call.client = Read<uint32_t>(argument, 8);
  if (call.other == call.client) call.other = 0;
}

void TakeControl(Bytes argument, Bytes pointed, GpuCall& call) {
  const auto command = Read<uint32_t>(argument, 8);
  TakeSubject(gpu::FindControl(command), command, pointed, call);
  // CUDA itself lets its own process in; nobody else, unless a debugger or a thief is to come.
  const auto type = Read<uint16_t>(pointed, 8);
  if (command == kSetInheritedPolicy && (type == 1 || type == kShareWithSameUser)) call.use = "share";
}

// Calls whose meaning is not told by their number alone.
void TakeNvidia(const gpu_call_event& wire, Bytes argument, Bytes pointed, GpuCall& call) {
  switch (wire.number) {
    case kAlloc:
      return TakeAlloc(wire, argument, pointed, call);
    case kControl:
      return TakeControl(argument, pointed, call);
    case kFree:
      if (Read<uint32_t>(argument, 8) == call.client) call.subject = "client";
      return;
    case kAllocMemory:
      ++call.bytes;  // a limit, the last byte
      if (Read<uint32_t>(argument, 12) == kOsDescriptor) call.use = "pin";
      return;
    case kHeap:
      if (Read<uint32_t>(argument, 8) != kHeapAllocSize) call.use.clear(), call.bytes = 0;
      return;
    case kShare:
      call.subject = fmt::format("type {}", Read<uint16_t>(argument, 16));
      return;
    default:
      if (call.other == call.client) call.other = 0;  // a copy of one's own object
      if (call.use == "duplicate" && call.other == 0) call.use.clear();
  }
}

void TakeOthers(const gpu_call_event& wire, Bytes argument, GpuCall& call) {
  if (wire.driver == EVENT_GPU_KFD && call.use == "checkpoint" && Read<uint32_t>(argument, 48) != kCriuCheckpoint)
    call.use.clear();
  if (wire.driver == EVENT_GPU_HABANA && call.call == "memory" && Read<uint32_t>(argument, 24) == kHabanaExport)
    call.use = "export";
  if (wire.driver == EVENT_GPU_VERBS && wire.request == kVerbsIoctl && Read<uint16_t>(argument, 2) == kMrObject &&
      Read<uint16_t>(argument, 4) == kRegDmabufMethod) {
    call.call = "reg_dmabuf_mr";
    call.use = "rdma";
  }
}

GpuCall Decode(const gpu_call_event& wire, Bytes argument, Bytes pointed) {
  GpuCall call{.major = wire.major, .minor = wire.minor, .request = wire.request, .result = wire.result};
  call.driver = gpu::DriverName(wire.driver);
  const uint64_t number = wire.driver == EVENT_GPU_UVM || wire.driver == EVENT_GPU_NVIDIA
                              ? wire.number
                              : uint64_t{wire.number & kRequestMask};
  const gpu::CallName* name = gpu::FindCall(wire.driver, number);
  call.call =
      name == nullptr ? Hex(wire.driver == EVENT_GPU_NVIDIA ? wire.number : wire.request) : std::string(name->name);
  if (name != nullptr) {
    call.use = name->use;
    call.client = Read<uint32_t>(argument, name->client);
    call.other = Read<uint32_t>(argument, name->other);
    call.bytes = Read<uint64_t>(argument, name->bytes);
    call.status = Read<uint32_t>(argument, name->status);
    call.target = Read<int32_t>(argument, name->target);
  }
  if (wire.driver == EVENT_GPU_NVIDIA && name != nullptr)
    TakeNvidia(wire, argument, pointed, call);
  else
    TakeOthers(wire, argument, call);
  return call;
}

}  // namespace

std::span<const std::string_view> GpuUses() {
  static constexpr std::string_view kUses[] = {
      "accounting", "checkpoint", "client", "confidential",   "context",      "debug",        "diagnose",
      "duplicate",  "export",     "import", "list_processes", "map",          "memory",       "partition",
      "pin",        "profile",    "rdma",   "read_memory",    "read_process", "registers",    "reset",
      "settings",   "share",      "stop",   "store",          "trace",        "write_memory", "write_process"};
  return kUses;
}

GpuCall DecodeGpuCall(const gpu_call_event& wire) {
  const Bytes before = Used(wire.before, wire.before_len, EVENT_GPU_MAX);
  const Bytes after = Used(wire.after, wire.after_len, EVENT_GPU_MAX);
  const Bytes pointed = Used(wire.pointed, wire.pointed_len, EVENT_GPU_POINTED);
  GpuCall call = Decode(wire, after.empty() ? before : after, pointed);
  if (before.empty() || after.empty()) return call;
  const GpuCall asked = Decode(wire, before, pointed);
  if (asked.use == "client" && call.use == "client") return call;  // the driver writes the class and the handle
  call.altered = asked.subject != call.subject || asked.other != call.other || asked.target != call.target ||
                 asked.client != call.client;
  return call;
}

}  // namespace tensorwarden
