// The agent's end of tensorwarden-symbols: starts it when it is needed, ends it when it is not, and never waits longer
// for it than the bound.
#pragma once

#include <absl/time/time.h>
#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/evidence/symbol_protocol.h"

namespace tensorwarden {

struct SymbolClientConfig {
  std::string program;                               // path of the helper; "" none
  absl::Duration timeout = absl::Seconds(2);         // for one answer; then the helper is killed
  absl::Duration first_back_off = absl::Seconds(1);  // after a failure; doubles with each
  absl::Duration last_back_off = absl::Minutes(5);
};

struct SymbolClientStats {
  uint64_t answered = 0;
  uint64_t failed = 0;   // helper missing, dead, too slow, or not making sense
  uint64_t started = 0;  // helpers
};

// Not thread-safe: one thread asks, one request at a time.
class SymbolClient {
 public:
  explicit SymbolClient(SymbolClientConfig config) : config_(std::move(config)) {}
  SymbolClient(const SymbolClient&) = delete;
  SymbolClient& operator=(const SymbolClient&) = delete;
  ~SymbolClient() { Stop(); }

  // `files`: one per module of the request, at most kMaxSymbolModules; they stay the caller's.
  // Errors: NotFound without a program; Unavailable during back-off, or when the helper died, was late, or answered
  // what is no answer.
  absl::StatusOr<SymbolReply> Ask(const SymbolRequest& request, std::span<const int> files);

  // Ends the helper, if one runs. Ask() starts another.
  void Stop();
  const SymbolClientStats& stats() const { return stats_; }

 private:
  absl::Status Start();
  absl::StatusOr<SymbolReply> Exchange(const SymbolRequest& request, std::span<const int> files);
  absl::Status Fail(const absl::Status& why);
  void Reap();

  const SymbolClientConfig config_;
  UniqueFd pipe_;
  pid_t pid_ = -1;
  std::vector<pid_t> killed_;  // not waited for yet: a process may take its time to die
  uint64_t next_id_ = 1;
  uint64_t failures_ = 0;  // in a row
  absl::Time not_before_ = absl::InfinitePast();
  SymbolClientStats stats_;
};

}  // namespace tensorwarden
