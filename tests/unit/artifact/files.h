// Builders for small files of the known formats.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/artifact/identify.h"

namespace tensorwarden {

inline Identity IdentifyBytes(std::string_view bytes, std::string_view name = "file") {
  const int fd = memfd_create("identify", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  auto identity = IdentifyFile(fd, name);
  close(fd);
  EXPECT_TRUE(identity.ok()) << identity.status();
  return identity.value_or(Identity{});
}

inline std::string Number(uint64_t value, size_t width, bool big_endian = false) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i) bytes.push_back(static_cast<char>(value >> 8 * (big_endian ? width - 1 - i : i)));
  return bytes;
}

inline std::string Safetensors(std::string_view json, size_t data_bytes) {
  return Number(json.size(), 8) + std::string(json) + std::string(data_bytes, '\0');
}

// GGUF with one string pair.
inline std::string Gguf(uint32_t version, bool big, std::string_view key = "general.type",
                        std::string_view value = "model") {
  const size_t width = version == 1 ? 4 : 8;
  return "GGUF" + Number(version, 4, big) + Number(0, width, big) + Number(1, width, big) +
         Number(key.size(), width, big) + std::string(key) + Number(8, 4, big) + Number(value.size(), width, big) +
         std::string(value);
}

// A zip file of stored members.
inline std::string Zip(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string locals, central;
  for (const auto& [name, bytes] : members) {
    const std::string common = Number(0, 2) + Number(0, 2) + Number(0, 4) + Number(0, 4) + Number(bytes.size(), 4) +
                               Number(bytes.size(), 4) + Number(name.size(), 2) + Number(0, 2);
    central.append("PK\x01\x02").append(Number(20, 2)).append(Number(20, 2)).append(common);
    central.append(Number(0, 10)).append(Number(locals.size(), 4)).append(name);
    locals.append("PK\x03\x04").append(Number(20, 2)).append(common).append(name).append(bytes);
  }
  return locals + central + "PK\x05\x06" + Number(0, 4) + Number(members.size(), 2) + Number(members.size(), 2) +
         Number(central.size(), 4) + Number(locals.size(), 4) + Number(0, 2);
}

// A protobuf field of length-delimited bytes.
inline std::string Field(unsigned field, std::string_view bytes) {
  return std::string(1, static_cast<char>(field << 3 | 2)) + static_cast<char>(bytes.size()) + std::string(bytes);
}

}  // namespace tensorwarden
