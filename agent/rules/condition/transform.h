// The functions of conditions and outputs, on values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/enrich/field_table.h"

namespace tensorwarden::rules {

enum class Function : uint8_t { kNone, kLower, kUpper, kBase64, kBasename, kLength, kJoin, kConcat, kGetopt };

// Applies `function` to its arguments. A list is transformed element by element by tolower, toupper, b64 and basename.
//
//   kBase64    decoded; absent when it is no base64
//   kBasename  what follows the last '/', "" for "/usr/bin/"
//   kLength    elements of a list, bytes of a text
//   kJoin      all arguments but the last, with the last between them; those that are absent are left out
//   kConcat    all arguments in a row; absent when one is
//   kGetopt    arguments: the command's arguments, the options as in getopt(3). The letters of the options that are
//              there; with `option`, the value of that option, "" for one without
//
// Views of the result live as long as those of `arguments` and `scratch`.
FieldValue Transform(Function function, std::span<const FieldValue> arguments, std::string_view option,
                     FieldScratch& scratch);

}  // namespace tensorwarden::rules
