// evt.arg.NAME: what our events have of the arguments of Falco's calls.
#pragma once

#include <span>
#include <string_view>

#include "agent/enrich/field_table.h"
#include "agent/enrich/kinds.h"

namespace tensorwarden::fields {

inline constexpr KindSet kCallArgumentKinds =
    kKinds<FileOpen, FileName, FileChange, ProcessExec, ProcessExit, SocketState>;

// Absent when the event has no argument of that name.
FieldValue CallArgument(const EnrichedEvent& e, std::string_view name, FieldScratch& scratch);
// All names that some kind knows.
std::span<const std::string_view> CallArgumentNames();

}  // namespace tensorwarden::fields
