// libsinsp's evaluation of conditions, on events of ours: another program's word for what a condition means.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tensorwarden::oracle {

inline constexpr size_t kTexts = 24;
inline constexpr size_t kNumbers = 8;

// What both sides see of an event.
struct Facts {
  std::array<std::optional<std::string>, kTexts> texts;
  std::array<std::optional<uint64_t>, kNumbers> numbers;
};

// Fields are tw.t0, tw.t1, ... and tw.n0, ....
class Reference {
 public:
  // Throws std::exception when libsinsp refuses the text.
  explicit Reference(const std::string& condition);
  ~Reference();
  bool Matches(const Facts& facts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tensorwarden::oracle
