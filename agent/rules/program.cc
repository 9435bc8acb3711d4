#include "agent/rules/program.h"

#include <xxhash.h>

#include <algorithm>

#include "agent/rules/literal.h"

namespace tensorwarden::rules {
namespace {

constexpr size_t kFewTexts = 6;  // up to here comparing beats hashing
constexpr int64_t kMaxRegexBytes = 1 << 20;

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

void FieldCache::Reset(const EnrichedEvent& event, size_t slots) {
  event_ = &event;
  ++epoch_;
  scratch_.Clear();
  if (entries_.size() < slots) entries_.resize(slots);
}

void FieldCache::Fetch(const Slot& slot, Entry& entry) {
  entry.value = slot.field->get(*event_, slot.argument, scratch_);
  entry.epoch = epoch_;
}

uint32_t Program::AddSlot(const FieldSpec* field, const std::string& argument) {
  const std::string key = std::string(field->name) + "[" + argument;
  const auto [at, is_new] = slot_index_.try_emplace(key, static_cast<uint32_t>(slots_.size()));
  if (is_new) slots_.push_back({field, argument});
  return at->second;
}

uint32_t Program::AddText(const std::string& text) {
  const auto [at, is_new] = text_index_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
  if (is_new) texts_.push_back(text);
  return at->second;
}

uint32_t Program::AddSet(const std::vector<std::string>& texts) {
  std::vector<std::string_view> views;
  views.reserve(texts.size());
  for (const std::string& text : texts) views.push_back(texts_[AddText(text)]);
  sets_.emplace_back(std::move(views));
  return static_cast<uint32_t>(sets_.size() - 1);
}

uint32_t Program::AddNumbers(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  number_lists_.push_back(std::move(numbers));
  return static_cast<uint32_t>(number_lists_.size() - 1);
}

uint32_t Program::AddEventTypes(const EventTypes& types) {
  event_types_.push_back(types);
  return static_cast<uint32_t>(event_types_.size() - 1);
}

std::optional<uint32_t> Program::AddRegex(const std::string& pattern, std::string& error) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMaxRegexBytes);
  auto regex = std::make_unique<re2::RE2>(Piece(pattern), options);
  if (!regex->ok()) {
    error = regex->error();
    return std::nullopt;
  }
  regexes_.push_back(std::move(regex));
  return static_cast<uint32_t>(regexes_.size() - 1);
}

uint32_t Program::AddTest(const Test& test) {
  tests_.push_back(test);
  return static_cast<uint32_t>(tests_.size() - 1);
}

uint32_t Program::Emit(uint32_t test, uint32_t on_true, uint32_t on_false) {
  code_.push_back({test, on_true, on_false});
  return static_cast<uint32_t>(code_.size() - 1);
}

std::vector<std::string_view> Program::TextsOf(const Test& test) const {
  if (test.op == TestOp::kTextEqual) return {texts_[test.literal]};
  if (test.op == TestOp::kTextIn) return sets_[test.literal].texts();
  return {};
}

bool Program::Matches(uint32_t entry, FieldCache& cache) const {
  uint32_t pc = entry;
  while (pc < kReject) {
    const Instruction& instruction = code_[pc];
    pc = Holds(tests_[instruction.test], cache) ? instruction.on_true : instruction.on_false;
  }
  return pc == kAccept;
}

// A value that is missing, or of another type than the table promises, satisfies nothing.
bool Program::Holds(const Test& test, FieldCache& cache) const {
  if (test.op == TestOp::kEventType) {
    const Event& event = *cache.event().event;
    return event_types_[test.literal].Has(event.body.index(), EventOperation(event));
  }
  const FieldValue& value = cache.Get(slots_, test.slot);
  if (test.op >= TestOp::kTextEqual) return HoldsTexts(test, value);
  if (test.op == TestOp::kExists) return !std::holds_alternative<std::monostate>(value);
  if (test.op == TestOp::kBoolEqual) {
    const bool* flag = std::get_if<bool>(&value);
    return flag != nullptr && *flag == (test.number != 0);
  }
  const double* number = std::get_if<double>(&value);
  return number != nullptr && HoldsNumber(test, *number);
}

bool Program::HoldsNumber(const Test& test, double value) const {
  switch (test.op) {
    case TestOp::kNumberEqual:
      return value == test.number;
    case TestOp::kNumberNotEqual:
      return value != test.number;
    case TestOp::kNumberLess:
      return value < test.number;
    case TestOp::kNumberLessEqual:
      return value <= test.number;
    case TestOp::kNumberGreater:
      return value > test.number;
    case TestOp::kNumberGreaterEqual:
      return value >= test.number;
    case TestOp::kNumberIn: {
      const std::vector<double>& list = number_lists_[test.literal];
      return std::binary_search(list.begin(), list.end(), value);
    }
    default:
      return false;
  }
}

// Of a list, any element will do; "!=" then means that no element is equal.
bool Program::HoldsTexts(const Test& test, const FieldValue& value) const {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    return HoldsText(test, *text) != (test.op == TestOp::kTextNotEqual);
  }
  const auto* list = std::get_if<std::vector<std::string_view>>(&value);
  if (list == nullptr) return false;
  const bool any = std::any_of(list->begin(), list->end(), [&](std::string_view v) { return HoldsText(test, v); });
  return any != (test.op == TestOp::kTextNotEqual);
}

bool Program::HoldsText(const Test& test, std::string_view value) const {
  switch (test.op) {
    case TestOp::kTextEqual:
    case TestOp::kTextNotEqual:
      return value == texts_[test.literal];
    case TestOp::kTextIn:
      return sets_[test.literal].Has(value);
    case TestOp::kContains:
      return value.find(texts_[test.literal]) != std::string_view::npos;
    case TestOp::kIContains:
      return ContainsIgnoringCase(value, texts_[test.literal]);
    case TestOp::kStartsWith:
      return value.starts_with(texts_[test.literal]);
    case TestOp::kEndsWith:
      return value.ends_with(texts_[test.literal]);
    case TestOp::kGlob:
      return GlobMatch(texts_[test.literal], value);
    case TestOp::kIGlob:
      return GlobMatch(texts_[test.literal], ToLower(value));
    case TestOp::kRegex:
      return re2::RE2::FullMatch(Piece(value), *regexes_[test.literal]);
    case TestOp::kPathMatch: {
      const std::vector<std::string_view>& prefixes = sets_[test.literal].texts();
      return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return PathBelow(value, p); });
    }
    default:
      return false;
  }
}

}  // namespace tensorwarden::rules
