// Who may change an asset, by role.
#pragma once

#include <string_view>

#include "agent/host/host_model.h"

namespace tensorwarden {

// Whether files of this asset class are what the role makes: trainers and pipelines make checkpoints and models, an
// admin may do everything, a server and a notebook make nothing.
bool RoleMakes(Role role, std::string_view klass);

// The same, of a process: only a confirmed role counts.
bool MayChange(const ProcessInfo& process, std::string_view klass);

}  // namespace tensorwarden
