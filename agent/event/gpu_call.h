// What an ioctl asks of an accelerator's driver, from bytes that any process may have made up.
#pragma once

#include <span>
#include <string_view>

#include "agent/event/event.h"
#include "bpf/abi/event.h"

namespace tensorwarden {

// Every value of GpuCall::use but "".
std::span<const std::string_view> GpuUses();

// Reads the fixed places of NVIDIA's drivers 525 to 595 (for places that moved, by the argument's size), and of the
// others that gpu_names.h lists. Lengths in `wire` above the arrays' own are an error of the caller.
GpuCall DecodeGpuCall(const gpu_call_event& wire);

}  // namespace tensorwarden
