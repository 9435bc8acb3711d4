// Checks of one condition that no value satisfies both.
#pragma once

#include <string>
#include <vector>

#include "agent/rules/definitions.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::author {

struct Contradiction {
  rules::Place place;    // of the later check
  rules::Place earlier;  // of the one that it contradicts
  std::string message;   // "'proc.name = b' contradicts 'proc.name = a'"
};

// Certain ones only, of pairs of checks that must both hold: fields with one value that are to equal different texts,
// numbers or truths, to be in lists with nothing in common, or to lie in ranges apart. Event types stand for kinds and
// addresses for networks; they are left out. Of alternatives each is looked at by itself.
std::vector<Contradiction> Contradictions(const rules::MappedText& condition, const rules::Definitions& definitions);

}  // namespace tensorwarden::author
