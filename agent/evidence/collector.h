// Looks at a process for the alert about it, on a thread of its own: /proc makes a reader wait as long as the process
// likes, and the agent waits for nobody.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/evidence/symbol_client.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

struct EvidenceConfig {
  std::string proc = "/proc";
  SymbolClientConfig symbols;
  std::function<absl::StatusOr<Holdings>(const ProcessKey&)> holdings;  // both are called from the thread
  std::function<bool(const ProcessKey&)> is_alive;
  absl::Duration deadline = absl::Seconds(4);      // for all of it; then what the agent itself knows is told
  absl::Duration helper_idle = absl::Seconds(30);  // without a question for this long: the helper is ended
  size_t max_waiting = 32;                         // wishes at once; further ones are told bare
};

struct EvidenceWish {
  ProcessKey process;
  uint64_t cause_seq = 0;
  std::vector<uint64_t> stack;
};

struct Collected {
  ProcessKey process;
  Evidence evidence;  // its mappings are for the caller to name
  std::vector<std::pair<FileKey, uint64_t>> mapped;
};

struct EvidenceStats {
  uint64_t wanted = 0;
  uint64_t late = 0;     // told bare, because the process or the helper took too long
  uint64_t crowded = 0;  // told bare, because too many waited
};

class EvidenceCollector {
 public:
  // Errors: ErrnoToStatus when the kernel gives no descriptor.
  static absl::StatusOr<std::unique_ptr<EvidenceCollector>> Create(EvidenceConfig config);
  ~EvidenceCollector();  // waits a second for the thread; one that hangs in the kernel is left behind

  // Each wish is answered by Take() exactly once, within the deadline and the time between two calls.
  void Want(EvidenceWish wish);
  // Readable when there is an answer.
  int ReadyFd() const;
  std::vector<Collected> Take();
  const EvidenceStats& stats() const { return stats_; }

 private:
  struct Shared;
  struct Waiting {
    EvidenceWish wish;
    absl::Time until;
  };
  explicit EvidenceCollector(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  std::shared_ptr<Shared> shared_;
  std::map<uint64_t, Waiting> waiting_;  // by number of the wish
  uint64_t last_number_ = 0;
  std::vector<Collected> bare_;
  EvidenceStats stats_;
};

}  // namespace tensorwarden
