// One scripted event: {KIND: {member: value, ...}, by: PROCESS, at: TIME}.
#pragma once

#include <optional>

#include "agent/author/value_reader.h"
#include "agent/event/event.h"

namespace tensorwarden::author {

// Members that are left out have the struct's defaults, but for these: `file` of file_read, file_change and finding is
// the first asset; of a finding `process` is who it is `by`; `by` is the first process of the host; `at`, counted from
// the start of the test, is a second after the event before (at `last_ns`, boot time).
//
// nullopt after an error, which is in the reader's diagnostics.
std::optional<Event> ReadScriptedEvent(const rules::YamlNode& node, uint64_t last_ns, ValueReader& reader);

}  // namespace tensorwarden::author
