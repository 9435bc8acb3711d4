// Majors of accelerators' nodes. Numbers, not names: mknod(2) works anywhere.
#pragma once

#include <cstdint>

namespace tensorwarden {

// Of Linux' Documentation/admin-guide/devices.txt.
inline constexpr uint32_t kNvidiaMajor = 195;
inline constexpr uint32_t kDrmMajor = 226;
inline constexpr uint32_t kAccelMajor = 261;

}  // namespace tensorwarden
