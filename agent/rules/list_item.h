// A plain value of a rule file's list.
#pragma once

#include <string>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

struct ListItem {
  std::string text;
  bool quoted = false;
  Place place;
};

}  // namespace tensorwarden::rules
