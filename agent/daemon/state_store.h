// What must survive a restart: assets with their label bits, who holds labels, the detectors' budgets, what rules
// remember.
//
// Kept as a capture of AgentStart (for the boot id), AssetFound and StateRestored events, replaced atomically.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"

namespace tensorwarden {

struct SavedState {
  std::string boot_id;
  uint64_t saved_ns = 0;  // CLOCK_BOOTTIME at saving; means something in the same boot only
  std::vector<AssetFound> assets;
  std::vector<LabelHolder> holders;
  std::string detector_state;
  std::string rule_state;
};

// Errors: the file's, with its path.
absl::Status SaveState(const std::string& path, const SavedState& state);

// Errors: NotFound when there is none yet; DataLoss when it is broken, with its path.
absl::StatusOr<SavedState> LoadState(const std::string& path);

// Holds `path` locked until it is closed: two agents on one state would each save over the other's.
// Errors: the file's, with its path; FailedPrecondition when another agent has it.
absl::StatusOr<UniqueFd> LockState(const std::string& path);

// Sixteen random bytes that key every hash of this host; made on first use, mode 0600.
// Errors: the file's, with its path; DataLoss when it has another length.
absl::StatusOr<std::string> LoadOrMakeSecret(const std::string& path);

}  // namespace tensorwarden
