// The table of fields as people and tools read it.
#pragma once

#include <string>

#include "agent/enrich/field_table.h"

namespace tensorwarden::author {

// "text", "number", "true/false", "list of texts", "list of numbers".
const char* TypeText(FieldType type);
// With its argument, as a rule writes it: proc.aname[N], proc.env[TEXT], evt.arg.NAME.
std::string FieldUsage(const FieldSpec& field);
// "any", "file_open, process_exec", "any but tick", "never".
std::string KindsText(const FieldSpec& field);
// What it is, with the values that it can have where all are known.
std::string FieldDoc(const FieldSpec& field);
// docs/fields.md, which is made from this.
std::string FieldsPage();

}  // namespace tensorwarden::author
