// Conditions as code: typed tests with jumps, no text and no virtual call on the way.
//
// An instruction runs one test and jumps; "and", "or" and "not" exist only as jump targets, so evaluation needs no
// stack and stops at the first test that decides. All rules share one program: equal fields, texts and lists exist
// once.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/enrich/field_table.h"
#include "agent/rules/condition/event_types.h"
#include "agent/rules/condition/network_list.h"
#include "agent/rules/condition/regex.h"
#include "agent/rules/condition/slot.h"

namespace tensorwarden::rules {

struct TextHash {
  size_t operator()(std::string_view text) const;
};

// Few texts are compared one by one, more are hashed.
class TextSet {
 public:
  explicit TextSet(std::vector<std::string_view> texts);
  bool Has(std::string_view text) const;
  const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::vector<std::string_view> texts_;  // sorted, unique
  absl::flat_hash_set<std::string_view, TextHash, std::equal_to<std::string_view>> hashed_;
};

enum class TestOp : uint8_t {
  kExists,
  kEventType,  // literal: event types
  kBoolEqual,  // number: 0 or 1
  kNumberEqual,
  kNumberNotEqual,
  kNumberLess,
  kNumberLessEqual,
  kNumberGreater,
  kNumberGreaterEqual,
  kNumberIn,   // literal: number list
  kTextEqual,  // literal, from here on: text, or set
  kTextNotEqual,
  kTextIn,
  kContains,
  kIContains,
  kStartsWith,
  kEndsWith,
  kGlob,
  kIGlob,
  kRegex,
  kPathMatch,  // literal: set
  kPathGlob,   // literal: set
  kNetwork,    // literal: network list
};

struct Test {
  TestOp op = TestOp::kExists;
  bool with_slot = false;  // `literal` is a slot: its value stands on the right
  uint32_t slot = 0;
  uint32_t literal = 0;
  double number = 0;
};

class Program {
 public:
  static constexpr uint32_t kAccept = 0xffffffff;
  static constexpr uint32_t kReject = 0xfffffffe;
  static constexpr size_t kMaxRegexes = 1'000'000;  // instructions of all regular expressions, up to about 100 MiB

  // --- building; what is equal is kept once ---
  SlotTable& slots() { return slots_; }
  uint32_t AddText(const std::string& text) { return slots_.AddText(text); }
  uint32_t AddSet(const std::vector<std::string>& texts);
  uint32_t AddNumbers(std::vector<double> numbers);
  uint32_t AddNetworks(std::vector<Network> networks);
  uint32_t AddEventTypes(const EventTypes& types);
  // nullopt with `error` when it is no regular expression, needs more than 1 MiB, or all have become too large.
  std::optional<uint32_t> AddRegex(const std::string& pattern, std::string& error);
  uint32_t AddTest(const Test& test);
  uint32_t Emit(uint32_t test, uint32_t on_true, uint32_t on_false);

  // --- running ---
  bool Matches(uint32_t entry, FieldCache& cache) const;

  // What `test` says of a value that never changes.
  bool HoldsFor(const Test& test, const FieldValue& value) const;

  const SlotTable& slots() const { return slots_; }
  const Test& test(uint32_t index) const { return tests_[index]; }
  // What a test's literal stands for.
  std::string_view text(uint32_t index) const { return slots_.text(index); }
  const TextSet& set(uint32_t index) const { return sets_[index]; }
  const std::vector<double>& numbers(uint32_t index) const { return number_lists_[index]; }
  const std::vector<Network>& networks(uint32_t index) const { return network_lists_[index]; }
  const Regex& regex(uint32_t index) const { return regexes_[index]; }
  size_t CodeSize() const { return code_.size(); }

 private:
  struct Instruction {
    uint32_t test;
    uint32_t on_true;
    uint32_t on_false;
  };
  bool Holds(const Test& test, FieldCache& cache) const;
  bool HoldsOther(const Test& test, FieldCache& cache) const;
  bool HoldsNumber(const Test& test, double value) const;
  bool HoldsText(const Test& test, std::string_view value) const;

  SlotTable slots_;
  std::vector<Test> tests_;
  std::vector<Instruction> code_;
  std::deque<TextSet> sets_;
  std::vector<std::vector<double>> number_lists_;
  std::deque<std::vector<Network>> network_lists_;  // addresses are stable: anchors point here
  std::vector<EventTypes> event_types_;
  std::deque<Regex> regexes_;
  absl::flat_hash_map<std::string, uint32_t> regex_index_;
  size_t regex_size_ = 0;  // instructions
};

}  // namespace tensorwarden::rules
