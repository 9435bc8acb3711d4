// Exceptions of rules: what is not to alert although the condition holds.
//
//   exceptions:
//     - name: backup                         a rule's own; `append` finds it by this
//       fields: [proc.name, fd.directory]    one field may stand alone
//       comps: [=, startswith]               "=" where absent; for a lone field "in"
//       values:                              a tuple per line; for a lone field just values
//         - [restic, /srv/models]
//       expires: 2027-03-31                  ours: from the end of that day on the values do not count
//       reason: restic has no workload yet   ours: for people
#pragma once

#include <vector>

#include "agent/rules/definitions.h"
#include "agent/rules/item_reader.h"

namespace tensorwarden::rules {

// Reads `node` over `exceptions`. Appending adds values to those of the same name, and new exceptions.
void ReadExceptions(ItemReader& item, const YamlNode& node, Change change,
                    std::vector<ExceptionDefinition>& exceptions);

// The exception as a condition, which holds for what it lets pass; empty when it has no values.
MappedText ConditionOf(const ExceptionDefinition& exception);

}  // namespace tensorwarden::rules
