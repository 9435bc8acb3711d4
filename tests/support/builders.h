// Small builders with a default for everything, so that a test shows only what matters to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/event/event.h"
#include "agent/host/host_model.h"
#include "bpf/abi/event.h"

namespace tensorwarden::testing {

inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kMiB = 1 << 20;

// Start times differ from pid to pid, so that a forgotten one shows.
inline ProcessKey Pid(uint32_t tgid) { return {tgid, tgid * 1000ull}; }
inline FileKey File(uint64_t ino) { return {8ull << 20, ino, 1}; }

struct ExecFacts {
  uint32_t parent = 1;
  std::string comm = "prog";
  std::string path = "/usr/bin/prog";
  std::vector<std::string> args = {"prog"};
  std::string cgroup = "/system.slice";
  uint32_t uid = 1000;
};

inline ProcessExec Image(ExecFacts facts) {
  ProcessExec exec;
  exec.parent = Pid(facts.parent);
  exec.comm = std::move(facts.comm);
  exec.path = std::move(facts.path);
  exec.args = std::move(facts.args);
  exec.cgroup = std::move(facts.cgroup);
  exec.uid = facts.uid;
  return exec;
}

struct AssetFacts {
  std::string path = "/models/demo.safetensors";
  std::string klass = "model";
  uint64_t size = 64 * kMiB;
  std::string found_by = "config";
};

inline AssetFound Asset(uint64_t ino, AssetFacts facts = {}) {
  AssetFound found;
  found.file = File(ino);
  found.name = facts.path.substr(facts.path.rfind('/') + 1);
  found.path = std::move(facts.path);
  found.klass = std::move(facts.klass);
  found.format = "safetensors";
  found.found_by = std::move(facts.found_by);
  found.size = facts.size;
  return found;
}

inline LabelMove LabelsTo(uint64_t labels, uint64_t volume = 1) {
  LabelMove move;
  move.labels = labels;
  move.volume = volume;
  move.source_object = EVENT_OBJECT_FILE;
  move.target_object = EVENT_OBJECT_PROCESS;
  return move;
}

inline LabelMove LabelsToFile(uint64_t labels, uint64_t ino) {
  LabelMove move = LabelsTo(labels);
  move.target = File(ino);
  move.target_object = EVENT_OBJECT_FILE;
  return move;
}

inline SocketState Listening(uint16_t port) {
  SocketState socket;
  socket.socket.local_port = port;
  socket.op = EVENT_SOCK_LISTEN;
  return socket;
}

inline FileName Renamed(uint64_t ino, std::string from, std::string to, uint64_t replaced = 0) {
  FileName name;
  name.file = File(ino);
  if (replaced != 0) name.replaced = File(replaced);
  name.op = EVENT_NAME_RENAME;
  name.path = std::move(to);
  name.old_path = std::move(from);
  return name;
}

inline FileName Named(uint32_t op, uint64_t ino, std::string path) {
  FileName name;
  name.file = File(ino);
  name.op = op;
  name.path = std::move(path);
  return name;
}

inline FileChange Changed(uint64_t ino, uint32_t change = EVENT_CHANGE_WRITE, uint64_t offset = 4096,
                          uint64_t length = 4096) {
  FileChange event;
  event.file = File(ino);
  event.offset = offset;
  event.length = length;
  event.bytes = length;
  event.change = change;
  return event;
}

// A host model fed with events that number and time themselves.
class TestHost {
 public:
  explicit TestHost(HostModelConfig config = {}) : model_(std::move(HostModel::Create(std::move(config)).value())) {}

  // Applies `body` as done by `actor`; 0: by nobody known. Effects of the last call are in effects.
  const Event& Feed(uint32_t actor, EventBody body, uint16_t flags = 0) {
    event_.seq++;
    event_.origin = {};
    event_.origin.ktime_ns = now_ns;
    event_.origin.flags = flags;
    if (actor != 0) event_.origin.process = Pid(actor);
    event_.body = std::move(body);
    effects.clear();
    model_->Apply(event_, effects);
    return event_;
  }
  const Event& Exec(uint32_t pid, ExecFacts facts = {}, uint16_t flags = 0) {
    return Feed(pid, Image(std::move(facts)), flags);
  }
  const Event& Fork(uint32_t parent, uint32_t child) { return Feed(parent, ProcessFork{Pid(child)}); }

  template <typename Effect>
  std::vector<Effect> All() const {
    std::vector<Effect> found;
    for (const HostEffect& effect : effects)
      if (const auto* it = std::get_if<Effect>(&effect)) found.push_back(*it);
    return found;
  }
  const ProcessInfo& Process(uint32_t pid) const { return *model_->Process(Pid(pid)); }
  HostModel& model() { return *model_; }
  const HostModel& model() const { return *model_; }

  uint64_t now_ns = 1000 * kSecond;
  std::vector<HostEffect> effects;

 private:
  std::unique_ptr<HostModel> model_;
  Event event_;
};

}  // namespace tensorwarden::testing
