#include "agent/base/state_codec.h"

#include <xxhash.h>

#include <cmath>
#include <cstring>
#include <utility>

namespace tensorwarden {
namespace {

constexpr size_t kChecksumBytes = 8;

uint64_t Checksum(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

StateWriter::StateWriter(std::string_view magic) : out_(magic) {}

void StateWriter::Number(uint64_t value) {
  while (value >= 0x80) {
    out_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out_ += static_cast<char>(value);
}

void StateWriter::Real(double value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out_.append(bytes, sizeof(bytes));
}

void StateWriter::Text(std::string_view text) {
  Number(text.size());
  out_ += text;
}

std::string StateWriter::Finish() {
  const uint64_t sum = Checksum(out_);
  char bytes[kChecksumBytes];
  std::memcpy(bytes, &sum, sizeof(sum));
  out_.append(bytes, sizeof(bytes));
  return std::exchange(out_, {});
}

StateReader::StateReader(std::string_view state, std::string_view magic) {
  if (state.size() < magic.size() + kChecksumBytes || !state.starts_with(magic)) return;
  const std::string_view body = state.substr(0, state.size() - kChecksumBytes);
  uint64_t sum = 0;
  std::memcpy(&sum, state.data() + body.size(), sizeof(sum));
  if (sum != Checksum(body)) return;
  left_ = body.substr(magic.size());
  ok_ = true;
}

uint64_t StateReader::Number() {
  uint64_t value = 0;
  for (int shift = 0; ok_ && shift < 64; shift += 7) {
    if (left_.empty()) break;
    const auto byte = static_cast<uint8_t>(left_.front());
    left_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

double StateReader::Real() {
  double value = 0;
  if (!ok_ || left_.size() < sizeof(value)) {
    ok_ = false;
    return 0;
  }
  std::memcpy(&value, left_.data(), sizeof(value));
  left_.remove_prefix(sizeof(value));
  if (std::isfinite(value)) return value;
  ok_ = false;
  return 0;
}

std::string_view StateReader::Text(size_t max_size) {
  const uint64_t size = Number();
  if (!ok_ || size > max_size || size > left_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view text = left_.substr(0, size);
  left_.remove_prefix(size);
  return text;
}

size_t StateReader::Count(size_t max) {
  const uint64_t count = Number();
  if (ok_ && count <= max && count <= left_.size()) return count;
  ok_ = false;
  return 0;
}

}  // namespace tensorwarden
