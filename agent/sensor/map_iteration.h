// All entries of a hash map, in batches where the kernel has them.
#pragma once

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <vector>

namespace tensorwarden {

// Calls `visit(key, value)` for every entry; entries that come or go meanwhile may be missed, or seen twice.
template <typename Key, typename Value, typename Visit>
void ForEachEntry(int map_fd, Visit visit) {
  constexpr uint32_t kBatch = 256;
  std::vector<Key> keys(kBatch);
  std::vector<Value> values(kBatch);
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  uint32_t position = 0;
  bool first = true;
  for (;;) {
    uint32_t count = static_cast<uint32_t>(keys.size());
    const int error = bpf_map_lookup_batch(map_fd, first ? nullptr : &position, &position, keys.data(), values.data(),
                                           &count, &options);
    if (error != 0 && errno == ENOSPC && count == 0) {  // a bucket longer than the batch
      keys.resize(keys.size() * 2);
      values.resize(keys.size());
      if (keys.size() > 65536) return;
      continue;
    }
    if (error != 0 && errno != ENOENT) return;
    for (uint32_t i = 0; i < count; ++i) visit(keys[i], values[i]);
    if (error != 0) return;  // ENOENT: the end
    first = false;
  }
}

}  // namespace tensorwarden
