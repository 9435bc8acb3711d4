#include "agent/rules/memory/memory.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>

namespace tensorwarden::rules {
namespace {

void AppendNumber(std::string& bytes, double number) {
  const double same = number == 0 ? 0 : number;  // -0 is 0
  char raw[sizeof(same)];
  std::memcpy(raw, &same, sizeof(same));
  bytes.append(raw, sizeof(raw));
}

void AppendText(std::string& bytes, std::string_view text) {
  AppendNumber(bytes, static_cast<double>(text.size()));
  bytes += text;
}

// Types and lengths stand before what they are of, so that different values have different bytes.
bool Append(std::string& bytes, const FieldValue& value) {
  bytes += static_cast<char>(value.index());
  if (const auto* flag = std::get_if<bool>(&value)) {
    bytes += *flag ? '1' : '0';
  } else if (const auto* number = std::get_if<double>(&value)) {
    AppendNumber(bytes, *number);
    return !std::isnan(*number);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    AppendText(bytes, *text);
  } else if (const auto* texts = std::get_if<std::vector<std::string_view>>(&value)) {
    AppendNumber(bytes, static_cast<double>(texts->size()));
    for (const std::string_view one : *texts) AppendText(bytes, one);
    return !texts->empty();
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    AppendNumber(bytes, static_cast<double>(numbers->size()));
    for (const double one : *numbers) AppendNumber(bytes, one);
    return !numbers->empty();
  } else {
    return false;
  }
  return true;
}

ValueHash HashBytes(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

}  // namespace

std::optional<ValueHash> HashOf(const FieldValue& value) {
  std::string bytes;
  if (!Append(bytes, value)) return std::nullopt;
  return HashBytes(bytes);
}

std::optional<ValueHash> HashOf(const std::vector<uint32_t>& fields, const SlotTable& slots, FieldCache& cache) {
  std::string bytes;
  for (const uint32_t field : fields) {
    if (!Append(bytes, cache.Get(slots, field))) return std::nullopt;
  }
  return HashBytes(bytes);
}

void Save(StateWriter& writer, const ValueHash& hash) {
  char raw[16];
  std::memcpy(raw, &hash.high, 8);
  std::memcpy(raw + 8, &hash.low, 8);
  writer.Text({raw, sizeof(raw)});
}

ValueHash RestoreHash(StateReader& reader) {
  ValueHash hash;
  const std::string_view raw = reader.Text(16);
  if (raw.size() != 16) return hash;
  std::memcpy(&hash.high, raw.data(), 8);
  std::memcpy(&hash.low, raw.data() + 8, 8);
  return hash;
}

void SaveTime(StateWriter& writer, int64_t ns) { writer.Number(static_cast<uint64_t>(BoundedTime(ns) + kMaxTime)); }

int64_t RestoreTime(StateReader& reader) {
  const uint64_t raw = std::min<uint64_t>(reader.Number(), 2 * static_cast<uint64_t>(kMaxTime));
  return static_cast<int64_t>(raw) - kMaxTime;
}

std::string TimeText(int64_t ns) { return absl::FormatDuration(absl::Nanoseconds(ns)); }

std::string NumberText(double value) { return FieldText(FieldValue(value)); }

}  // namespace tensorwarden::rules
