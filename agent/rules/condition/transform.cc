#include "agent/rules/condition/transform.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>

#include <algorithm>

namespace tensorwarden::rules {
namespace {

using Texts = std::vector<std::string_view>;

constexpr size_t kMaxResultBytes = 1 << 20;  // join() and concat() of long values must not grow without end
constexpr size_t kMaxWords = 4096;

FieldValue Upper(std::string_view text, FieldScratch& scratch) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), absl::ascii_toupper);
  return scratch.Keep(upper);
}

FieldValue Lower(std::string_view text, FieldScratch& scratch) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), absl::ascii_tolower);
  return scratch.Keep(lower);
}

FieldValue Decoded(std::string_view text, FieldScratch& scratch) {
  std::string decoded;
  if (!absl::Base64Unescape({text.data(), text.size()}, &decoded)) return {};
  return scratch.Keep(decoded);
}

FieldValue OfText(Function function, std::string_view text, FieldScratch& scratch) {
  switch (function) {
    case Function::kLower:
      return Lower(text, scratch);
    case Function::kUpper:
      return Upper(text, scratch);
    case Function::kBase64:
      return Decoded(text, scratch);
    case Function::kBasename:
      return text.substr(text.rfind('/') + 1);  // npos + 1 is 0
    default:
      return {};
  }
}

FieldValue OfEach(Function function, const FieldValue& value, FieldScratch& scratch) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return OfText(function, *text, scratch);
  const auto* list = std::get_if<Texts>(&value);
  if (list == nullptr) return {};
  Texts results;
  for (const std::string_view text : *list) {
    const FieldValue result = OfText(function, text, scratch);
    if (const auto* kept = std::get_if<std::string_view>(&result)) results.push_back(*kept);
  }
  return results.empty() ? FieldValue() : FieldValue(std::move(results));
}

FieldValue Length(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return static_cast<double>(text->size());
  if (const auto* list = std::get_if<Texts>(&value)) return static_cast<double>(list->size());
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return static_cast<double>(list->size());
  return {};
}

FieldValue Joined(std::span<const FieldValue> arguments, FieldScratch& scratch) {
  const std::string separator = FieldText(arguments.back());
  std::string joined;
  bool first = true;
  const auto add = [&](std::string_view text) {
    if (joined.size() > kMaxResultBytes) return;
    if (!first) joined += separator;
    first = false;
    joined += text;
  };
  for (const FieldValue& value : arguments.first(arguments.size() - 1)) {
    if (const auto* list = std::get_if<Texts>(&value)) {
      for (const std::string_view text : *list) add(text);
    } else if (!std::holds_alternative<std::monostate>(value)) {
      add(FieldText(value));
    }
  }
  return first ? FieldValue() : FieldValue(scratch.Keep(joined));
}

FieldValue Concatenated(std::span<const FieldValue> arguments, FieldScratch& scratch) {
  std::string text;
  for (const FieldValue& value : arguments) {
    if (std::holds_alternative<std::monostate>(value) || text.size() > kMaxResultBytes) return {};
    text += FieldText(value);
  }
  return scratch.Keep(text);
}

Texts WordsOf(std::string_view text) {
  Texts words;
  while (!text.empty() && words.size() < kMaxWords) {
    const size_t blank = std::min(text.find(' '), text.size());
    if (blank > 0) words.push_back(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return words;
}

struct Option {
  std::string_view letter;
  std::string_view value;
};

// As getopt(3): "ab:" knows -a and -b VALUE, in one word or two; "--" ends them. Words that are no options are passed
// over, as GNU does.
std::vector<Option> OptionsOf(const Texts& words, std::string_view known) {
  std::vector<Option> found;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::string_view word = words[i];
    if (word.size() < 2 || word[0] != '-' || word[1] == '-') continue;
    for (size_t at = 1; at < word.size(); ++at) {
      const size_t place = word[at] == ':' ? std::string_view::npos : known.find(word[at]);
      if (place == std::string_view::npos) continue;
      Option option{.letter = word.substr(at, 1), .value = {}};
      const bool takes_value = place + 1 < known.size() && known[place + 1] == ':';
      if (takes_value && at + 1 < word.size()) {
        option.value = word.substr(at + 1);
        at = word.size();
      } else if (takes_value && i + 1 < words.size()) {
        option.value = words[++i];
      }
      found.push_back(option);
    }
  }
  return found;
}

FieldValue Getopt(std::span<const FieldValue> arguments, std::string_view wanted) {
  const auto* text = std::get_if<std::string_view>(&arguments[0]);
  const auto* list = std::get_if<Texts>(&arguments[0]);
  const auto* known = std::get_if<std::string_view>(&arguments[1]);
  if (known == nullptr || (text == nullptr && list == nullptr)) return {};
  Texts letters;
  for (const Option& option : OptionsOf(list != nullptr ? *list : WordsOf(*text), *known)) {
    if (!wanted.empty() && option.letter == wanted) return option.value;
    letters.push_back(option.letter);
  }
  return !wanted.empty() || letters.empty() ? FieldValue() : FieldValue(std::move(letters));
}

}  // namespace

FieldValue Transform(Function function, std::span<const FieldValue> arguments, std::string_view option,
                     FieldScratch& scratch) {
  if (arguments.empty()) return {};
  switch (function) {
    case Function::kLength:
      return Length(arguments[0]);
    case Function::kJoin:
      return Joined(arguments, scratch);
    case Function::kConcat:
      return Concatenated(arguments, scratch);
    case Function::kGetopt:
      return arguments.size() == 2 ? Getopt(arguments, option) : FieldValue();
    default:
      return OfEach(function, arguments[0], scratch);
  }
}

}  // namespace tensorwarden::rules
