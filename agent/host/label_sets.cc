#include "agent/host/label_sets.h"

namespace tensorwarden {

void LabelSets::Leave(uint64_t set) {
  const auto found = sets_.find(set);
  if (found == sets_.end() || --found->second.files > 0) return;
  Resize(set, 0);
  sets_.erase(set);
}

void LabelSets::Resize(uint64_t set, uint64_t bytes) {
  const auto found = sets_.find(set);
  if (found == sets_.end() || found->second.bytes == bytes) return;
  if (const auto former = sizes_.find(found->second.bytes); former != sizes_.end()) sizes_.erase(former);
  if (bytes != 0) sizes_.insert(bytes);
  found->second.bytes = bytes;
}

uint64_t LabelSets::BytesOf(uint64_t set) const {
  const auto found = sets_.find(set);
  return found == sets_.end() ? 0 : found->second.bytes;
}

}  // namespace tensorwarden
