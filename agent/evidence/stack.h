// Addresses of a user stack as places in files: what the agent itself can say of them, and what it asks the helper.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"
#include "agent/evidence/proc_maps.h"
#include "agent/evidence/symbol_protocol.h"

namespace tensorwarden {

struct LocatedStack {
  std::vector<StackFrame> frames;  // module and offset where they are known
  SymbolRequest request;           // of the frames that lie in files
  std::vector<size_t> asked;       // index in `frames` of each frame of the request
  std::vector<Mapping> modules;    // of the request, one mapping each
};

// The stack ends where an address lies in no code. At most kMaxSymbolModules files; frames of others keep their module
// and offset.
LocatedStack LocateStack(std::span<const uint64_t> addresses, const std::vector<Mapping>& mappings);

// Puts the names that the helper found into the frames. `names`: one per frame asked.
void NameFrames(const SymbolReply& names, LocatedStack& stack);

// The very file that is mapped there, even when it was replaced or deleted, or lies in another mount namespace.
// Regular files only: opening anything else may have effects. Errors: ErrnoToStatus; FailedPrecondition.
absl::StatusOr<UniqueFd> OpenMapped(const std::string& proc, uint32_t tgid, const Mapping& mapping);

}  // namespace tensorwarden
