#include "agent/host/process_table.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <tuple>

#include "agent/host/job_boundary.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kKeepDeadNs = 600ull * 1'000'000'000;
constexpr int kMaxDepth = 1024;  // of an ancestry, against a loop made of forged records
// Eviction of the living looks at all of them, so it makes room for many at once.
constexpr size_t kEvictShare = 64;

void TakeImage(ProcessInfo& info, const ProcessExec& exec) {
  info.comm = exec.comm;
  info.path = exec.path;
  info.cwd = exec.cwd;
  info.args = exec.args;
  info.cmdline.clear();
  for (const std::string& arg : exec.args) {
    if (!info.cmdline.empty()) info.cmdline += ' ';
    info.cmdline += arg;
  }
  if (!exec.cgroup.empty()) info.cgroup = exec.cgroup;
  info.exe = exec.exe;
  info.uid = exec.uid;
  info.gid = exec.gid;
  info.login_uid = exec.login_uid;
  info.mnt_ns = exec.mnt_ns;
  info.pid_ns = exec.pid_ns;
}

}  // namespace

const ProcessRecord* ProcessTable::Find(ProcessKey key) const {
  if (key.start_ns == 0) {
    const auto current = by_tgid_.find(key.tgid);
    if (current == by_tgid_.end()) return nullptr;
    key = current->second;
  }
  const auto it = records_.find(key);
  return it == records_.end() ? nullptr : it->second.get();
}

ProcessRecord* ProcessTable::Find(ProcessKey key) { return const_cast<ProcessRecord*>(std::as_const(*this).Find(key)); }

ProcessRecord& ProcessTable::Ensure(ProcessKey key, uint64_t now_ns) {
  if (ProcessRecord* record = Find(key)) return *record;
  return Insert(key, now_ns);
}

ProcessRecord& ProcessTable::Insert(ProcessKey key, uint64_t now_ns) {
  MakeRoom();
  const auto former = by_tgid_.find(key.tgid);
  // The pid is used again: its former owner is dead, though its exit was not seen.
  if (former != by_tgid_.end() && former->second.start_ns < key.start_ns) Exit(former->second, now_ns);
  ProcessKey& current = by_tgid_[key.tgid];
  if (current.start_ns <= key.start_ns) current = key;
  auto record = std::make_unique<ProcessRecord>();
  record->info.key = key;
  record->info.tree = key;
  return *(records_[key] = std::move(record));
}

ProcessKey ProcessTable::TreeOf(const ProcessInfo& info) const {
  const ProcessInfo* at = &info;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const ProcessRecord* parent = at->parent ? Find(at->parent) : nullptr;
    if (parent == nullptr || parent == records_.at(info.key).get() || IsJobBoundary(parent->info)) return at->key;
    const bool moved = !at->cgroup.empty() && !parent->info.cgroup.empty() && at->cgroup != parent->info.cgroup;
    if (moved) return at->key;
    at = &parent->info;
  }
  return at->key;
}

void ProcessTable::SetParent(ProcessInfo& info, ProcessKey parent, uint64_t now_ns) {
  if (!parent || parent == info.key) return;
  const ProcessKey self = info.key;
  // The parent's entry may evict others, never this one: it was just touched and is looked up again.
  ProcessKey resolved = Ensure(parent, now_ns).info.key;
  if (ProcessRecord* record = Find(self)) record->info.parent = resolved;
}

ProcessRecord& ProcessTable::Fork(ProcessKey parent, ProcessKey child, uint64_t now_ns) {
  Ensure(parent, now_ns);
  ProcessRecord& record = Ensure(child, now_ns);
  const ProcessRecord* from = Find(parent);
  if (from == nullptr || from == &record || record.known) return record;
  const ProcessKey key = record.info.key;
  record.info = from->info;
  record.info.key = key;
  record.info.parent = from->info.key;
  record.info.exit_ns = 0;
  record.info.tree = IsJobBoundary(from->info) ? key : from->info.tree;
  record.suggestion = from->suggestion;
  record.spec = from->spec;
  record.flags = from->flags;
  record.known = from->known;
  record.opened_gpu = from->opened_gpu;
  return record;
}

ProcessRecord& ProcessTable::Exec(ProcessKey key, const ProcessExec& exec, uint64_t now_ns) {
  const ProcessRecord* before = Find(key);
  if (before == nullptr || !before->known) return Snapshot(key, exec, now_ns);
  const ProcessKey former_parent = before->info.parent;
  const std::string former_cgroup = before->info.cgroup;
  SetParent(Ensure(key, now_ns).info, exec.parent, now_ns);
  ProcessRecord& record = Ensure(key, now_ns);
  TakeImage(record.info, exec);
  const ProcessRecord* parent = Find(record.info.parent);
  const bool orphaned = record.info.parent != former_parent && parent != nullptr && IsJobBoundary(parent->info);
  const bool moved = !former_cgroup.empty() && record.info.cgroup != former_cgroup;
  if (orphaned || moved) record.info.tree = record.info.key;
  return record;
}

ProcessRecord& ProcessTable::Snapshot(ProcessKey key, const ProcessExec& exec, uint64_t now_ns) {
  SetParent(Ensure(key, now_ns).info, exec.parent, now_ns);
  ProcessRecord& record = Ensure(key, now_ns);
  TakeImage(record.info, exec);
  record.info.tree = TreeOf(record.info);
  if (!record.known) RecomputeTreesBelow(record.info.key);
  record.known = true;
  return record;
}

// Children that came before their parent took it, nameless, for the root of their job.
void ProcessTable::RecomputeTreesBelow(ProcessKey root) {
  for (auto& [key, record] : records_)
    if (record->info.tree == root && key != root) record->info.tree = TreeOf(record->info);
}

void ProcessTable::Exit(ProcessKey key, uint64_t now_ns) {
  ProcessRecord* record = Find(key);
  if (record == nullptr || record->info.exit_ns != 0) return;
  record->info.exit_ns = std::max<uint64_t>(now_ns, 1);
  dead_.push_back(record->info.key);
  while (dead_.size() > max_dead_) {
    Erase(dead_.front());
    dead_.pop_front();
    ++evicted_;
  }
}

void ProcessTable::Expire(uint64_t now_ns) {
  while (!dead_.empty()) {
    const ProcessRecord* oldest = Find(dead_.front());
    if (oldest != nullptr && oldest->info.exit_ns + kKeepDeadNs > now_ns) return;
    Erase(dead_.front());
    dead_.pop_front();
  }
}

void ProcessTable::MakeRoom() {
  if (records_.size() < max_processes_) return;
  if (dead_.empty()) return EvictLeaves();
  Erase(dead_.front());
  dead_.pop_front();
  ++evicted_;
}

void ProcessTable::EvictLeaves() {
  absl::flat_hash_set<ProcessKey> parents;
  for (const auto& [key, record] : records_) parents.insert(record->info.parent);
  // Those that matter go last: with a role or labels.
  std::vector<std::tuple<bool, uint64_t, uint32_t>> leaves;
  for (const auto& [key, record] : records_) {
    const bool matters = record->info.role != Role::kNone || record->info.labels != 0;
    if (!parents.contains(key)) leaves.emplace_back(matters, key.start_ns, key.tgid);
  }
  const size_t count = std::min(leaves.size(), std::max<size_t>(1, max_processes_ / kEvictShare));
  std::partial_sort(leaves.begin(), leaves.begin() + static_cast<ptrdiff_t>(count), leaves.end());
  for (size_t i = 0; i < count; ++i) {
    const ProcessKey key{std::get<2>(leaves[i]), std::get<1>(leaves[i])};
    evicted_alive_.push_back(key);
    Erase(key);
    ++evicted_;
  }
}

void ProcessTable::Erase(ProcessKey key) {
  const auto current = by_tgid_.find(key.tgid);
  if (current != by_tgid_.end() && current->second == key) by_tgid_.erase(current);
  records_.erase(key);
}

ProcessRecord* ProcessTable::HeirOf(const ProcessRecord& parent) {
  ProcessRecord* heir = nullptr;
  for (auto& [key, record] : records_) {
    const ProcessInfo& info = record->info;
    if (info.parent != parent.info.key || info.exit_ns != 0) continue;
    if (info.role != parent.info.role || info.workload != parent.info.workload) continue;
    if (heir == nullptr || key < heir->info.key) heir = record.get();
  }
  return heir;
}

std::vector<const ProcessInfo*> ProcessTable::Sorted() const {
  std::vector<const ProcessInfo*> all;
  all.reserve(records_.size());
  for (const auto& [key, record] : records_) all.push_back(&record->info);
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  return all;
}

std::vector<const ProcessInfo*> ProcessTable::ByAge() const {
  std::vector<const ProcessInfo*> all = Sorted();
  std::stable_sort(all.begin(), all.end(),
                   [](const auto* a, const auto* b) { return a->key.start_ns < b->key.start_ns; });
  return all;
}

}  // namespace tensorwarden
