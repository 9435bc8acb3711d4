// BPF iterators: the kernel's own lists of processes, open files and mappings, as records.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <type_traits>

struct bpf_program;

namespace tensorwarden {

// Runs the iterator over all tasks, or over one thread group (`tgid` not 0), and gives its output in whole records of
// `record_bytes`. Errors: the kernel's; FailedPrecondition when `program` is nullptr (it did not load).
absl::Status RunIterator(const bpf_program* program, uint32_t tgid, size_t record_bytes,
                         const std::function<void(const char*)>& visit);

template <typename Record, typename Visit>
absl::Status ForEachRecord(const bpf_program* program, uint32_t tgid, Visit visit) {
  static_assert(std::is_trivially_copyable_v<Record>);
  return RunIterator(program, tgid, sizeof(Record), [&](const char* bytes) {
    Record record;
    std::memcpy(&record, bytes, sizeof(record));
    visit(record);
  });
}

}  // namespace tensorwarden
