// Processes by reuse-safe key: facts, jobs, labels; bounded.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "agent/host/catalogue.h"
#include "agent/host/host_model.h"

namespace tensorwarden {

struct ListeningPort {
  uint16_t port = 0;
  bool held_model_before = false;  // the process held a model when it began to listen
};

// A process with what the model keeps for itself.
struct ProcessRecord {
  ProcessInfo info;
  Suggestion suggestion;
  const WorkloadSpec* spec = nullptr;  // confirmed by
  std::vector<ListeningPort> listens;  // at most kMaxListens
  uint32_t flags = 0;                  // that the kernel was last told, or copied at fork
  ProcessKey told;                     // the process that these flags were told of
  bool known = false;                  // by exec, fork of a known one, or snapshot; else only its key
  bool model_below = false;            // a worker of the same kind holds a model
  bool opened_gpu = false;
};

class ProcessTable {
 public:
  ProcessTable(size_t max_processes, size_t max_dead) : max_processes_(max_processes), max_dead_(max_dead) {}

  ProcessRecord* Find(ProcessKey key);
  const ProcessRecord* Find(ProcessKey key) const;
  // As Find, with a minimal entry for a process never heard of. A start time of 0 means: who has the pid now.
  ProcessRecord& Ensure(ProcessKey key, uint64_t now_ns);

  // The child copies its parent: image, labels, flags.
  ProcessRecord& Fork(ProcessKey parent, ProcessKey child, uint64_t now_ns);
  ProcessRecord& Exec(ProcessKey key, const ProcessExec& exec, uint64_t now_ns);
  ProcessRecord& Snapshot(ProcessKey key, const ProcessExec& exec, uint64_t now_ns);
  void Exit(ProcessKey key, uint64_t now_ns);
  // Forgets the long dead.
  void Expire(uint64_t now_ns);

  // The lowest living child of `parent` with the same role and workload; nullptr when there is none.
  ProcessRecord* HeirOf(const ProcessRecord& parent);
  std::vector<const ProcessInfo*> Sorted() const;
  // Parents before their children.
  std::vector<const ProcessInfo*> ByAge() const;
  // Processes that were evicted alive since the last call.
  std::vector<ProcessKey> TakeEvictedAlive() { return std::exchange(evicted_alive_, {}); }

  size_t Size() const { return records_.size(); }
  uint64_t Evicted() const { return evicted_; }

 private:
  ProcessRecord& Insert(ProcessKey key, uint64_t now_ns);
  ProcessKey TreeOf(const ProcessInfo& info) const;
  void SetParent(ProcessInfo& info, ProcessKey parent, uint64_t now_ns);
  void RecomputeTreesBelow(ProcessKey root);
  void MakeRoom();
  void EvictLeaves();
  void Erase(ProcessKey key);

  size_t max_processes_;
  size_t max_dead_;
  absl::flat_hash_map<ProcessKey, std::unique_ptr<ProcessRecord>> records_;
  absl::flat_hash_map<uint32_t, ProcessKey> by_tgid_;  // who has the pid now
  std::deque<ProcessKey> dead_;                        // in order of exit
  std::vector<ProcessKey> evicted_alive_;
  uint64_t evicted_ = 0;
};

}  // namespace tensorwarden
