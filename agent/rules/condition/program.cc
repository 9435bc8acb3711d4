#include "agent/rules/condition/program.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "agent/rules/condition/compare.h"
#include "agent/rules/condition/literal.h"
#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

constexpr size_t kFewTexts = 6;  // up to here comparing beats hashing

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

size_t TextHash::operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }

TextSet::TextSet(std::vector<std::string_view> texts) : texts_(std::move(texts)) {
  std::sort(texts_.begin(), texts_.end());
  texts_.erase(std::unique(texts_.begin(), texts_.end()), texts_.end());
  if (texts_.size() > kFewTexts) hashed_.insert(texts_.begin(), texts_.end());
}

bool TextSet::Has(std::string_view text) const {
  if (texts_.size() > kFewTexts) return hashed_.contains(text);
  return std::find(texts_.begin(), texts_.end(), text) != texts_.end();
}

uint32_t Program::AddSet(const std::vector<std::string>& texts) {
  std::vector<std::string_view> views;
  views.reserve(texts.size());
  for (const std::string& text : texts) views.push_back(slots_.text(AddText(text)));
  sets_.emplace_back(std::move(views));
  return static_cast<uint32_t>(sets_.size() - 1);
}

uint32_t Program::AddNumbers(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  number_lists_.push_back(std::move(numbers));
  return static_cast<uint32_t>(number_lists_.size() - 1);
}

uint32_t Program::AddNetworks(std::vector<Network> networks) {
  network_lists_.push_back(std::move(networks));
  return static_cast<uint32_t>(network_lists_.size() - 1);
}

uint32_t Program::AddEventTypes(const EventTypes& types) {
  event_types_.push_back(types);
  return static_cast<uint32_t>(event_types_.size() - 1);
}

std::optional<uint32_t> Program::AddRegex(const std::string& pattern, std::string& error) {
  const auto known = regex_index_.find(pattern);
  if (known != regex_index_.end()) return known->second;
  const auto all_too_large = [&]() -> std::optional<uint32_t> {
    error = fmt::format("all regular expressions together are too large: more than {} instructions", kMaxRegexes);
    return std::nullopt;
  };
  // Compiling is what takes the time: once there is no room, nothing more is.
  if (regex_size_ > kMaxRegexes) return all_too_large();
  std::optional<Regex> regex = CompileRegex(pattern, error);
  if (!regex) {
    error = "bad regular expression: " + Printable(error);
    return std::nullopt;
  }
  regex_size_ += regex->size;
  if (regex_size_ > kMaxRegexes) return all_too_large();
  const auto index = static_cast<uint32_t>(regexes_.size());
  regexes_.push_back(*std::move(regex));
  regex_index_.emplace(pattern, index);
  return index;
}

uint32_t Program::AddTest(const Test& test) {
  tests_.push_back(test);
  return static_cast<uint32_t>(tests_.size() - 1);
}

uint32_t Program::Emit(uint32_t test, uint32_t on_true, uint32_t on_false) {
  code_.push_back({test, on_true, on_false});
  return static_cast<uint32_t>(code_.size() - 1);
}

// A value that is missing, or of another type than the table promises, satisfies nothing. What is most frequent comes
// first and calls nothing.
inline bool Program::Holds(const Test& test, FieldCache& cache) const {
  if (test.op == TestOp::kEventType || test.with_slot) return HoldsOther(test, cache);
  const FieldValue& value = cache.Get(slots_, test.slot);
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    if (test.op == TestOp::kTextEqual) return *text == slots_.text(test.literal);
    if (test.op == TestOp::kTextNotEqual) return *text != slots_.text(test.literal);
  } else if (const auto* number = std::get_if<double>(&value)) {
    if (test.op == TestOp::kNumberNotEqual) return *number != test.number;
    if (test.op > TestOp::kBoolEqual && test.op < TestOp::kNumberIn)
      return CompareNumbers(test.op, *number, test.number);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    if (test.op == TestOp::kBoolEqual) return *flag == (test.number != 0);
  }
  return HoldsFor(test, value);
}

bool Program::Matches(uint32_t entry, FieldCache& cache) const {
  uint32_t pc = entry;
  while (pc < kReject) {
    const Instruction& instruction = code_[pc];
    pc = Holds(tests_[instruction.test], cache) ? instruction.on_true : instruction.on_false;
  }
  return pc == kAccept;
}

bool Program::HoldsOther(const Test& test, FieldCache& cache) const {
  if (test.op == TestOp::kEventType) {
    const Event& event = *cache.event().event;
    return event_types_[test.literal].Has(event.body.index(), EventOperation(event));
  }
  // The left one first: fetching the right one does not move it, entries are never reallocated between events.
  const FieldValue& left = cache.Get(slots_, test.slot);
  return HoldsBetween(test.op, left, cache.Get(slots_, test.literal));
}

bool Program::HoldsFor(const Test& test, const FieldValue& value) const {
  if (test.op == TestOp::kExists) return !std::holds_alternative<std::monostate>(value);
  if (test.op == TestOp::kBoolEqual) {
    const bool* flag = std::get_if<bool>(&value);
    return flag != nullptr && *flag == (test.number != 0);
  }
  if (test.op >= TestOp::kTextEqual) {
    return AnyElement<std::string_view>(value, test.op == TestOp::kTextNotEqual,
                                        [&](std::string_view text) { return HoldsText(test, text); });
  }
  return AnyElement<double>(value, test.op == TestOp::kNumberNotEqual,
                            [&](double number) { return HoldsNumber(test, number); });
}

bool Program::HoldsNumber(const Test& test, double value) const {
  if (test.op != TestOp::kNumberIn) return CompareNumbers(test.op, value, test.number);
  const std::vector<double>& list = number_lists_[test.literal];
  // Of NaN, a number that is not known, binary_search would say yes.
  return !std::isnan(value) && std::binary_search(list.begin(), list.end(), value);
}

bool Program::HoldsText(const Test& test, std::string_view value) const {
  switch (test.op) {
    case TestOp::kTextIn:
      return sets_[test.literal].Has(value);
    case TestOp::kRegex:
      return re2::RE2::FullMatch(Piece(value), *regexes_[test.literal].matcher);
    case TestOp::kPathMatch:
    case TestOp::kPathGlob: {
      const auto matches = test.op == TestOp::kPathMatch ? PathBelow : PathBelowGlob;
      const std::vector<std::string_view>& prefixes = sets_[test.literal].texts();
      return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return matches(value, p); });
    }
    case TestOp::kNetwork:
      return InAnyNetwork(network_lists_[test.literal], value);
    default:
      return CompareTexts(test.op, value, slots_.text(test.literal));
  }
}

}  // namespace tensorwarden::rules
