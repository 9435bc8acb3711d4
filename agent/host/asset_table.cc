#include "agent/host/asset_table.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <utility>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxDerived = 65536;
constexpr size_t kMaxBirths = 4096;
// An unlinked or replaced asset stays watched while its inode lives: a thief may hold it open and read it later. Its
// end comes as AssetGone; this bounds those whose end is never reported.
constexpr size_t kMaxOrphans = 1024;

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool IsModelClass(const std::string& klass) { return klass == "model" || klass == "checkpoint" || klass == "adapter"; }

bool IsAlternative(const AssetInfo& info) { return info.klass == "checkpoint"; }

}  // namespace

const AssetInfo* AssetTable::Find(const FileKey& file) const {
  const auto it = assets_.find(file);
  return it == assets_.end() ? nullptr : &it->second->info;
}

AssetTable::Entry* AssetTable::Get(const FileKey& file) {
  const auto it = assets_.find(file);
  return it == assets_.end() ? nullptr : it->second.get();
}

AssetTable::Entry* AssetTable::AtPath(const std::string& path) {
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? nullptr : Get(it->second);
}

const LabelInfo* AssetTable::Label(uint32_t bit) const {
  if (bit >= labels_.size() || labels_[bit].name.empty()) return nullptr;
  return &labels_[bit];
}

uint64_t AssetTable::DerivedLabels(const FileKey& file) const {
  const auto it = derived_.find(file);
  return it == derived_.end() ? 0 : it->second;
}

void AssetTable::AddDerivedTo(std::vector<LabelHolder>& holders) const {
  for (const FileKey& file : derived_order_) {
    holders.push_back({.file = file, .object = EVENT_OBJECT_FILE, .labels = derived_.at(file)});
  }
}

std::vector<const AssetInfo*> AssetTable::Named() const {
  std::vector<const AssetInfo*> named;
  for (const auto& [key, entry] : assets_)
    if (entry->info.unlinked_seq == 0) named.push_back(&entry->info);
  std::sort(named.begin(), named.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  return named;
}

void AssetTable::AddTo(HostModelStats& stats) const {
  stats.assets = assets_.size();
  stats.refused_assets = refused_;
  stats.evicted_derived = evicted_derived_;
  stats.evicted_orphans = evicted_orphans_;
}

void AssetTable::Watch(const Entry& entry, std::vector<HostEffect>& effects) const {
  const AssetInfo& info = entry.info;
  effects.emplace_back(WatchFile{info.file, info.label, info.size, labels_[info.label].size, info.path});
}

AssetTable::Entry* AssetTable::Add(const FileKey& file) {
  if (assets_.size() >= max_assets_) {
    ++refused_;
    return nullptr;
  }
  auto entry = std::make_unique<Entry>();
  entry->info.id = next_id_++;
  entry->info.file = file;
  return (assets_[file] = std::move(entry)).get();
}

void AssetTable::SetPath(Entry& entry, const std::string& path) {
  if (path.empty() || path == entry.info.path) return;
  const auto former = by_path_.find(entry.info.path);
  if (former != by_path_.end() && former->second == entry.info.file) by_path_.erase(former);
  entry.info.path = path;
  by_path_[path] = entry.info.file;
}

void AssetTable::JoinLabel(Entry& entry) {
  LabelInfo& label = LabelOf(entry);
  if (label.name.empty()) label.name = entry.info.name.empty() ? BaseName(entry.info.path) : entry.info.name;
  // Nothing of the set is left but its size, which the shares of its carriers were counted by.
  if (label.assets.empty()) label.size = 0;
  label.assets.push_back(entry.info.file);
  if (!entry.copy) sets_[entry.info.label].Join(entry.set);
  Grow(entry, 0);
  if (IsModelClass(entry.info.klass)) model_labels_ |= 1ull << entry.info.label;
}

void AssetTable::LeaveLabel(const Entry& entry) {
  LabelInfo& label = LabelOf(entry);
  std::erase(label.assets, entry.info.file);
  if (!entry.copy) {
    SizeSet(entry, entry.info.size, 0);
    sets_[entry.info.label].Leave(entry.set);
    TellSets(entry.info.label);
  }
  if (label.assets.empty() || entry.copy || IsAlternative(entry.info)) return;
  label.size -= std::min(label.size, entry.info.size);
}

// Shards add up to one model. Checkpoints of one run are each the whole of it: the largest counts.
void AssetTable::Grow(const Entry& entry, uint64_t former_size) {
  LabelInfo& label = LabelOf(entry);
  if (entry.copy) return;
  label.size = IsAlternative(entry.info) ? std::max(label.size, entry.info.size)
                                         : label.size - std::min(former_size, label.size) + entry.info.size;
  SizeSet(entry, former_size, entry.info.size);
  TellSets(entry.info.label);
}

void AssetTable::SizeSet(const Entry& entry, uint64_t former_size, uint64_t size) {
  LabelSets& sets = sets_[entry.info.label];
  const uint64_t bytes = sets.BytesOf(entry.set);
  sets.Resize(entry.set,
              IsAlternative(entry.info) ? std::max(bytes, size) : bytes - std::min(former_size, bytes) + size);
}

void AssetTable::TellSets(uint32_t label) {
  const LabelSets& sets = sets_[label];
  labels_[label].sets = std::max<size_t>(1, sets.Count());
  labels_[label].smallest = sets.Count() > 1 ? sets.Smallest() : 0;
}

// A file that a carrier wrote and that is as long as an asset of the label is a copy of it, not an asset set of its
// own: one theft of it must not count under two labels.
bool AssetTable::AdoptCopyLabel(Entry& entry) {
  const uint64_t derived = DerivedLabels(entry.info.file);
  if (derived == 0 || entry.info.size == 0) return false;
  const AssetInfo* original = nullptr;
  for (const auto& [key, other] : assets_) {
    const AssetInfo& info = other->info;
    if (other->copy || key == entry.info.file || info.size != entry.info.size) continue;
    if ((derived >> info.label & 1) == 0) continue;
    if (original == nullptr || info.id < original->id) original = &info;
  }
  if (original == nullptr) return false;
  entry.info.label = original->label;
  entry.copy = true;
  return true;
}

void AssetTable::Found(const Event& event, const AssetFound& found, ProcessKey creator_tree,
                       std::vector<HostEffect>& effects) {
  if (!found.file) return;
  if (Entry* known = Get(found.file)) return Update(*known, found, effects);
  Entry* entry = Add(found.file);
  if (entry == nullptr) return;
  AssetInfo& info = entry->info;
  info.name = found.name;
  info.klass = found.klass;
  info.format = found.format;
  info.size = found.size;
  info.owner_uid = found.owner_uid;
  SetPath(*entry, found.path);
  TakeBirth(*entry, event, found, creator_tree);
  entry->set = absl::HashOf(AssetSetOf(found.path, found.klass));
  if (!AdoptCopyLabel(*entry)) info.label = allocator_.BitFor(found.path, found.klass, found.label);
  JoinLabel(*entry);
  Watch(*entry, effects);
}

// A later scan knows more: the size of a file that was still being written, its format, another name of it.
void AssetTable::Update(Entry& entry, const AssetFound& found, std::vector<HostEffect>& effects) {
  AssetInfo& info = entry.info;
  const bool changed = info.size != found.size || info.path != found.path || info.unlinked_seq != 0;
  const uint64_t former_size = std::exchange(info.size, found.size);
  Grow(entry, former_size);
  if (!found.name.empty()) info.name = found.name;
  if (!found.klass.empty()) info.klass = found.klass;
  if (!found.format.empty()) info.format = found.format;
  info.owner_uid = found.owner_uid;
  SetPath(entry, found.path);
  if (info.unlinked_seq != 0) {
    std::erase(orphans_, info.file);
    info.unlinked_seq = 0;
    entry.links = 1;
  }
  if (IsModelClass(info.klass)) model_labels_ |= 1ull << info.label;
  if (changed) Watch(entry, effects);
}

void AssetTable::TakeBirth(Entry& entry, const Event& event, const AssetFound& found, ProcessKey tree) {
  const auto it = births_.find(found.path);
  if (it != births_.end() && (!it->second.file || it->second.file == found.file)) {
    entry.info.creator = it->second.creator;
    entry.info.creator_tree = it->second.tree;
    entry.info.born_ns = it->second.born_ns;
    births_.erase(it);
  } else if (found.found_by == "birth") {
    entry.info.creator = event.origin.process;
    entry.info.creator_tree = tree;
    entry.info.born_ns = event.origin.ktime_ns;
  }
}

void AssetTable::Gone(const FileKey& file, std::vector<HostEffect>& effects) {
  if (derived_.erase(file) > 0) std::erase(derived_order_, file);
  const auto it = assets_.find(file);
  if (it == assets_.end()) return;
  const auto path = by_path_.find(it->second->info.path);
  if (path != by_path_.end() && path->second == file) by_path_.erase(path);
  LeaveLabel(*it->second);
  std::erase(orphans_, file);
  assets_.erase(it);
  effects.emplace_back(UnwatchFile{file});
}

void AssetTable::Orphan(Entry& entry, uint64_t seq, std::vector<HostEffect>& effects) {
  const auto path = by_path_.find(entry.info.path);
  if (path != by_path_.end() && path->second == entry.info.file) by_path_.erase(path);
  if (entry.links > 1) {  // another name is left; which one, the next scan says
    --entry.links;
    return;
  }
  if (entry.info.unlinked_seq != 0) return;
  entry.info.unlinked_seq = seq == 0 ? 1 : seq;
  orphans_.push_back(entry.info.file);
  if (orphans_.size() <= kMaxOrphans) return;
  ++evicted_orphans_;
  Gone(FileKey(orphans_.front()), effects);
}

void AssetTable::Name(const Event& event, const FileName& name, ProcessKey tree, std::vector<HostEffect>& effects) {
  Entry* entry = Get(name.file);
  switch (name.op) {
    case EVENT_NAME_CREATE:
      return Born(event, name, tree);
    case EVENT_NAME_RENAME:
      return Rename(event, name, tree, effects);
    case EVENT_NAME_LINK:
      if (entry != nullptr) ++entry->links;
      return;
    case EVENT_NAME_UNLINK:
      if (entry == nullptr && !name.file) entry = AtPath(name.path);
      if (entry != nullptr) Orphan(*entry, event.seq, effects);
      return;
    default:
      return;
  }
}

void AssetTable::Born(const Event& event, const FileName& name, ProcessKey tree) {
  if (name.path.empty()) return;
  const Birth birth{name.file, event.origin.process, tree, event.origin.ktime_ns};
  if (!births_.insert_or_assign(name.path, birth).second) return;
  birth_order_.push_back(name.path);
  if (birth_order_.size() <= kMaxBirths) return;
  births_.erase(birth_order_.front());
  birth_order_.pop_front();
}

// Written under a temporary name, then renamed into place: the birth goes with it.
void AssetTable::MoveBirth(const FileName& name) {
  const auto it = births_.find(name.old_path);
  if (it == births_.end() || name.path.empty()) return;
  const Birth birth = it->second;
  births_.erase(it);
  if (births_.insert_or_assign(name.path, birth).second) birth_order_.push_back(name.path);
  if (birth_order_.size() <= kMaxBirths) return;
  births_.erase(birth_order_.front());
  birth_order_.pop_front();
}

void AssetTable::Rename(const Event& event, const FileName& name, ProcessKey tree, std::vector<HostEffect>& effects) {
  MoveBirth(name);
  if (!name.file) return;
  // fanotify does not say which inode had the name; the path does.
  const Entry* old = name.replaced ? Get(name.replaced) : nullptr;
  if (old == nullptr && !name.path.empty()) old = AtPath(name.path);
  // An exchange comes as two renames: at the second one the "replaced" asset lives on under another name.
  const bool lives_on = old != nullptr && !name.path.empty() && old->info.path != name.path;
  if (old != nullptr && old->info.file != name.file && !lives_on)
    return TakeOver(event, name, FileKey(old->info.file), tree, effects);
  if (Entry* entry = Get(name.file)) {
    SetPath(*entry, name.path);
    Watch(*entry, effects);
  }
}

// The new inode takes name, class and label of the one that it was renamed over.
void AssetTable::TakeOver(const Event& event, const FileName& name, const FileKey& old_key, ProcessKey tree,
                          std::vector<HostEffect>& effects) {
  Entry* entry = Get(name.file);
  const bool was_asset = entry != nullptr;
  if (!was_asset) entry = Add(name.file);
  Entry* old = Get(old_key);
  if (entry == nullptr || old == nullptr) return;
  if (was_asset) LeaveLabel(*entry);
  AssetInfo& info = entry->info;
  info.name = old->info.name;
  info.klass = old->info.klass;
  info.label = old->info.label;
  entry->set = old->set;
  if (info.format.empty()) info.format = old->info.format;
  if (info.size == 0) info.size = old->info.size;  // until a scan tells the true one
  if (!info.creator) TakeRenamedBirth(*entry, event, name.path, tree);
  info.predecessor = old_key;
  info.predecessor_seq = event.seq;
  LeaveLabel(*old);
  entry->copy = old->copy;
  old->copy = true;  // the size is the new inode's to add
  SetPath(*entry, name.path.empty() ? std::string(old->info.path) : name.path);
  JoinLabel(*entry);
  Watch(*entry, effects);
  Orphan(*old, event.seq, effects);
}

// Who wrote the file under its temporary name, if that was seen; else who put it into place.
void AssetTable::TakeRenamedBirth(Entry& entry, const Event& event, const std::string& path, ProcessKey tree) {
  AssetInfo& info = entry.info;
  const auto birth = births_.find(path);
  const bool seen = birth != births_.end() && (!birth->second.file || birth->second.file == info.file);
  info.creator = seen ? birth->second.creator : event.origin.process;
  info.creator_tree = seen ? birth->second.tree : tree;
  info.born_ns = seen ? birth->second.born_ns : event.origin.ktime_ns;
}

void AssetTable::Derive(const FileKey& file, uint64_t labels) {
  if (!file || labels == 0) return;
  const auto [it, inserted] = derived_.try_emplace(file, 0);
  it->second |= labels;
  if (!inserted) return;
  derived_order_.push_back(file);
  if (derived_order_.size() <= kMaxDerived) return;
  derived_.erase(derived_order_.front());
  derived_order_.pop_front();
  ++evicted_derived_;
}

}  // namespace tensorwarden
