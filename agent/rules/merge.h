// What `append` and `override` do with a key's value.
#pragma once

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "agent/rules/item_reader.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {

template <typename T>
void Merge(std::vector<T>& to, std::vector<T> from, Change change) {
  if (change == Change::kReplace) to.clear();
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

inline void Merge(MappedText& to, const MappedText& from, Change change) {
  if (change == Change::kReplace) {
    to = from;
    return;
  }
  to.AppendMade(" ");
  to.Append(from);
}

inline void Merge(std::string& to, const std::string& from, Change change) {
  to = change == Change::kReplace ? from : to + " " + from;
}

}  // namespace tensorwarden::rules
