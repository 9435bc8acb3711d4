#include "agent/artifact/zip_names.h"

namespace tensorwarden {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLocal = "PK\x03\x04"sv, kCentral = "PK\x01\x02"sv, kEnd = "PK\x05\x06"sv;
constexpr size_t kEndBytes = 22;

void Add(std::string_view name, std::vector<std::string_view>& names) {
  if (!name.empty() && names.size() < kMaxZipNames) names.push_back(name);
}

// Walks the directory's entries from its place in the tail, or from the first entry that the tail holds.
void ReadCentral(std::string_view tail, std::vector<std::string_view>& names) {
  const size_t end = tail.rfind(kEnd);
  if (end == std::string_view::npos || tail.size() - end < kEndBytes) return;
  ByteCursor record(tail.substr(end));
  record.Bytes(12);
  const uint64_t directory_bytes = *record.Number(4);
  size_t at = directory_bytes <= end ? end - directory_bytes : std::string_view::npos;
  if (at == std::string_view::npos || tail.substr(at, 4) != kCentral) at = tail.find(kCentral);
  while (at < end && tail.substr(at, 4) == kCentral) {
    ByteCursor entry(tail.substr(at, end - at));
    entry.Bytes(28);
    const auto name_bytes = entry.Number(2), extra = entry.Number(2), comment = entry.Number(2);
    entry.Bytes(12);
    const auto name = comment ? entry.Bytes(*name_bytes) : std::nullopt;
    if (!name) return;
    Add(*name, names);
    at += 46 + *name_bytes + *extra + *comment;
  }
}

void ReadLocal(std::string_view head, std::vector<std::string_view>& names) {
  ByteCursor cursor(head);
  for (;;) {
    if (cursor.Bytes(4) != kLocal) return;
    cursor.Bytes(2);
    const auto flags = cursor.Number(2);
    cursor.Bytes(10);
    const auto packed = cursor.Number(4);
    cursor.Bytes(4);
    const auto name_bytes = cursor.Number(2), extra = cursor.Number(2);
    const auto name = extra ? cursor.Bytes(*name_bytes) : std::nullopt;
    if (!name) return;
    Add(*name, names);
    const bool size_follows = *flags & 8;  // then only the directory knows it
    if (!cursor.Bytes(*extra) || size_follows || !cursor.Bytes(*packed)) return;
  }
}

}  // namespace

std::vector<std::string_view> ZipNames(const FileWindow& window) {
  std::vector<std::string_view> names;
  if (!window.HeadHas(0, kLocal)) return names;
  ReadLocal(window.head, names);
  ReadCentral(window.tail, names);
  return names;
}

}  // namespace tensorwarden
