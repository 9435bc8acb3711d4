// Function names out of ELF files, through BCC. Files are hostile: this runs in a process that can do nothing else.
#pragma once

#include <span>

#include "agent/base/unique_fd.h"
#include "agent/evidence/symbol_protocol.h"

namespace tensorwarden::symbols {

// Names of the functions at these offsets of the open files. What is not known stays empty; there is one answer per
// frame of the request. `files`: one per module.
SymbolReply Resolve(const SymbolRequest& request, std::span<const UniqueFd> files);

}  // namespace tensorwarden::symbols
