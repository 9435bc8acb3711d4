// Random conditions in the part of the language that both sides have, and random events for them.
#pragma once

#include <random>
#include <string>

#include "tests/oracle/reference.h"

namespace tensorwarden::oracle {

// One condition, in our fields' names and in the reference's.
struct Condition {
  std::string ours;
  std::string theirs;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}
  // At most `depth` levels of brackets.
  Condition MakeCondition(int depth);
  // Its values are those of conditions, and near them, so that many comparisons hold.
  Facts MakeFacts();

 private:
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool OneIn(size_t n) { return Below(n) == 0; }
  std::string Text();
  uint64_t Number();
  std::string Path();
  std::string List(bool of_paths);
  std::string NumberList();
  Condition Check();

  std::mt19937_64 random_;
};

}  // namespace tensorwarden::oracle
