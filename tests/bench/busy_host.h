// The event stream of a busy host, made up but alike: shells and tools that come and go, a model server with its
// clients, a trainer, and now and then a thief. The same numbers always give the same stream.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

class BusyHost {
 public:
  // What an agent takes in at its start: assets, running processes, listeners.
  void Start(std::vector<Event>& events);
  // The next few events: one job's life, or some requests.
  void Step(std::vector<Event>& events);

 private:
  uint64_t Random(uint64_t below);
  ProcessKey NewProcess();
  void Add(std::vector<Event>& events, ProcessKey actor, EventBody body);
  void Snapshot(std::vector<Event>& events, ProcessKey process, ProcessKey parent, ProcessExec exec);
  void Job(std::vector<Event>& events);
  void Serve(std::vector<Event>& events);
  void Train(std::vector<Event>& events);
  void Steal(std::vector<Event>& events);
  SocketTuple Outgoing();

  uint64_t random_ = 0x9e3779b97f4a7c15;
  uint64_t seq_ = 0;
  uint64_t now_ns_ = 5'000'000'000'000;
  uint64_t next_tick_ns_ = 0;
  uint32_t next_tgid_ = 2000;
  uint64_t next_inode_ = 100'000;
  uint64_t next_cookie_ = 1;
  uint64_t served_bytes_ = 0;
  std::vector<ProcessKey> shells_;
  ProcessKey server_;
  ProcessKey trainer_;
  std::vector<FileKey> shards_;
};

}  // namespace tensorwarden
