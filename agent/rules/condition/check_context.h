// Where a condition stands, for messages about it.
#pragma once

#include <optional>
#include <string>

#include "agent/rules/condition/condition_lexer.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

struct CheckContext {
  const std::string& subject;  // "rule 'x': "
  const MappedText& text;
  Diagnostics& diagnostics;
  // Fields that are not known are warnings: the author said skip-if-unknown-filter.
  bool tolerates_unknown = false;
  // Errors are warnings: no rule that can run needs what stands here.
  bool idle = false;

  std::nullopt_t Fail(size_t offset, const std::string& message) const { return Fail(text.At(offset), message); }
  // Of what stands elsewhere, as in a list that the condition names.
  std::nullopt_t Fail(const Place& place, const std::string& message) const {
    if (idle) {
      diagnostics.Warning(place, subject + message + "; no rule that can run needs it");
    } else {
      diagnostics.Error(place, subject + message);
    }
    return std::nullopt;
  }
  std::nullopt_t Fail(const LexError& error) const { return Fail(error.offset, error.message); }
  void Warn(size_t offset, const std::string& message) const {
    diagnostics.Warning(text.At(offset), subject + message);
  }
};

}  // namespace tensorwarden::rules
