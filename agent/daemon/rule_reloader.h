// New rules while the agent runs: read and compiled on a thread of their own, so that events wait for neither.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <optional>

#include "agent/daemon/rule_source.h"

namespace tensorwarden {

struct CompiledRules {
  absl::StatusOr<LoadedRules> rules;
  absl::Duration took;
};

class RuleReloader {
 public:
  using Loader = std::function<absl::StatusOr<LoadedRules>()>;

  // `load` runs on the reloader's thread, which yields the processor to all others of the host.
  static absl::StatusOr<std::unique_ptr<RuleReloader>> Create(Loader load);
  // Waits for a load that has begun.
  ~RuleReloader();

  // What is asked for while a load runs is done once after it: the files may have changed since they were read.
  void Request();
  // Readable when Take() has something.
  int ReadyFd() const;
  std::optional<CompiledRules> Take();
  // Frees former rules on the reloader's thread: thousands of them take milliseconds.
  void Dispose(std::unique_ptr<RuleSet> former);

 private:
  struct Shared;
  explicit RuleReloader(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace tensorwarden
