// How detectors and rules write their state: little-endian numbers and counted strings behind a magic, a version and a
// checksum.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tensorwarden {

class StateWriter {
 public:
  explicit StateWriter(std::string_view magic);
  void Number(uint64_t value);  // 1 to 10 bytes: small numbers are common
  void Real(double value);
  void Text(std::string_view text);
  size_t size() const { return out_.size(); }  // so far, without the checksum
  // With the checksum at its end.
  std::string Finish();

 private:
  std::string out_;
};

// Reads hostile bytes: after the first that is wrong, ok() is false and everything reads as 0.
class StateReader {
 public:
  StateReader(std::string_view state, std::string_view magic);
  uint64_t Number();
  double Real();  // never NaN or infinite
  std::string_view Text(size_t max_size);
  // A number of elements that follow, each at least a byte: not ok when above `max` or what is left.
  size_t Count(size_t max);
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = false;
};

}  // namespace tensorwarden
