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
struct CallArgumentName {
  std::string_view name;
  KindSet kinds;  // that may have it
};
std::span<const CallArgumentName> CallArgumentNames();
// Of one name; 0 of unknown ones, numbers among them: what stands where differs between calls.
KindSet CallArgumentKinds(std::string_view name);

}  // namespace tensorwarden::fields
