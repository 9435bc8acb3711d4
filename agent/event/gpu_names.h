// The drivers' own names of what can be asked of an accelerator, and what each is good for.
//
// Sources: https://github.com/NVIDIA/open-gpu-kernel-modules (525 to 595: nv_escape.h, nv-ioctl-numbers.h,
// g_allclasses.h, ctrl/*.h, uvm_ioctl.h), https://github.com/NVIDIA/gdrcopy, https://github.com/NVIDIA/gds-nvidia-fs,
// https://github.com/ROCm/ROCR-Runtime (kfd_ioctl.h), Linux 6.1 (habanalabs.h, drm.h, rdma_user_ioctl.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace tensorwarden::gpu {

// Where in a call's argument a value lies; kNone: nowhere.
inline constexpr int kNone = -1;

struct CallName {
  uint64_t number;
  std::string_view name;
  std::string_view use = {};
  int client = kNone;  // u32: handle of the client that acts
  int other = kNone;   // u32: handle of the client that is acted upon
  int bytes = kNone;   // u64
  int status = kNone;  // u32: NV_STATUS
  int target = kNone;  // s32: process that is acted upon
};

// What a number stands for within RM_ALLOC (a class) and RM_CONTROL (a command). Offsets are within what is pointed to.
struct SubjectName {
  uint32_t number;
  std::string_view name;
  std::string_view use = {};
  int other = kNone;
  int bytes = kNone;        // u64
  int short_bytes = kNone;  // u32
};

// nullptr when the number has no name here.
const CallName* FindCall(uint32_t driver, uint64_t number);
const SubjectName* FindClass(uint32_t number);
const SubjectName* FindControl(uint32_t number);

// "nvidia", ... of enum event_gpu_driver; "" for another number.
std::string_view DriverName(uint32_t driver);

}  // namespace tensorwarden::gpu
