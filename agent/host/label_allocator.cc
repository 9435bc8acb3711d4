#include "agent/host/label_allocator.h"

#include <algorithm>
#include <bit>

namespace tensorwarden {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Directory(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Every run of digits becomes one '#': checkpoint-1000/step_12.pt and checkpoint-2000/step_24.pt are one set.
std::string WithoutNumbers(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (!IsDigit(c)) {
      result += c;
    } else if (result.empty() || result.back() != '#') {
      result += '#';
    }
  }
  return result;
}

// "model-00001-of-00005.safetensors" -> "model-#-of-00005.safetensors": the form that every tool that shards uses.
std::string WithoutShardNumber(std::string_view path) {
  const size_t of = path.rfind("-of-");
  if (of == std::string_view::npos || of < 2 || of + 4 >= path.size() || !IsDigit(path[of + 4]))
    return std::string(path);
  size_t first = of;
  while (first > 0 && IsDigit(path[first - 1])) --first;
  if (first == of || first == 0 || (path[first - 1] != '-' && path[first - 1] != '_')) return std::string(path);
  return std::string(path.substr(0, first)) + "#" + std::string(path.substr(of));
}

}  // namespace

std::string AssetSetOf(std::string_view path, std::string_view klass) {
  if (klass == "checkpoint") return WithoutNumbers(path);
  return WithoutShardNumber(path);
}

uint32_t LabelAllocator::Choose(int32_t wanted) const {
  if (wanted >= 0 && wanted < static_cast<int32_t>(kSharedBits) && (taken_ >> wanted & 1) == 0) {
    return static_cast<uint32_t>(wanted);
  }
  return std::min<uint32_t>(static_cast<uint32_t>(std::countr_one(taken_)), kLastBit);
}

uint32_t LabelAllocator::BitFor(std::string_view path, std::string_view klass, int32_t wanted) {
  std::string set = AssetSetOf(path, klass);
  if (const auto it = bits_.find(set); it != bits_.end()) return it->second;
  if (std::popcount(taken_) >= static_cast<int>(kOwnBits)) {
    set = std::string(Directory(path)) + "/";  // ends with a slash: no file's set does
    if (const auto it = bits_.find(set); it != bits_.end()) return it->second;
  }
  if (std::popcount(taken_) >= static_cast<int>(kSharedBits)) return kLastBit;
  const uint32_t bit = Choose(wanted);
  taken_ |= uint64_t{1} << bit;
  return bits_[set] = bit;
}

}  // namespace tensorwarden
