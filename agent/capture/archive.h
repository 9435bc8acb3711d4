// cereal archives that read from and write to memory, for one event at a time.
//
// The bytes are those of cereal's portable binary archive, which wrote the first captures: a 1 for little endian, then
// values. That archive itself goes through a stream, which it casts dynamically, and keeps the structs' versions in a
// hash map that starts empty with each event; together they took two thirds of the time of a replay.
#pragma once

#include <bit>
#include <cereal/cereal.hpp>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "agent/event/event.h"

namespace tensorwarden {

static_assert(std::endian::native == std::endian::little, "captures are little endian");

class EventInput final : public cereal::InputArchive<EventInput, cereal::AllowEmptyClassElision> {
 public:
  static constexpr bool kLoads = true;

  // Throws cereal::Exception when the bytes do not begin as an event does.
  explicit EventInput(std::string_view bytes) : InputArchive(this), at_(bytes.data()), end_(at_ + bytes.size()) {
    uint8_t little_endian = 0;
    Read(&little_endian, 1);
    if (little_endian != 1) throw cereal::Exception("not little endian");
  }

  size_t Remaining() const { return static_cast<size_t>(end_ - at_); }
  void Read(void* out, size_t size) {
    if (size > Remaining()) throw cereal::Exception("it ends too early");
    std::memcpy(out, at_, size);
    at_ += size;
  }
  // `newest`: the version that this program writes. A struct's version is stored before its first occurrence.
  template <size_t kType>
  uint32_t Version(uint32_t newest) {
    if ((seen_ >> kType & 1) != 0) return versions_[kType];
    uint32_t version = 0;
    Read(&version, sizeof(version));
    if (version > newest) throw cereal::Exception("written by a newer version");
    seen_ |= uint64_t{1} << kType;
    return versions_[kType] = version;
  }

 private:
  const char* at_;
  const char* end_;
  uint64_t seen_ = 0;
  uint32_t versions_[64];  // of those seen
};

// Appends to a string.
class EventOutput final : public cereal::OutputArchive<EventOutput, cereal::AllowEmptyClassElision> {
 public:
  static constexpr bool kLoads = false;

  explicit EventOutput(std::string& out) : OutputArchive(this), out_(out) { out_.push_back(1); }

  void Write(const void* bytes, size_t size) { out_.append(static_cast<const char*>(bytes), size); }
  template <size_t kType>
  uint32_t Version(uint32_t newest) {
    if ((seen_ >> kType & 1) != 0) return newest;
    Write(&newest, sizeof(newest));
    seen_ |= uint64_t{1} << kType;
    return newest;
  }

 private:
  std::string& out_;
  uint64_t seen_ = 0;
};

// Found by cereal, by these names.
template <class T>
std::enable_if_t<std::is_arithmetic_v<T>> load(EventInput& ar, T& value) {  // NOLINT
  ar.Read(&value, sizeof(value));
}
template <class T>
std::enable_if_t<std::is_arithmetic_v<T>> save(EventOutput& ar, const T& value) {  // NOLINT
  ar.Write(&value, sizeof(value));
}

}  // namespace tensorwarden

CEREAL_SETUP_ARCHIVE_TRAITS(tensorwarden::EventInput, tensorwarden::EventOutput)
