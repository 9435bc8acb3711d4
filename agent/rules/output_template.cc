#include "agent/rules/output_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/condition/operand_resolver.h"

namespace tensorwarden::rules {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsNameByte(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.'; }

std::string_view NameAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsNameByte(text[end])) ++end;
  return text.substr(at, end - at);
}

// Where the field's own name ends: "%proc.name.txt" is proc.name, and ".txt" text.
size_t FieldLength(std::string_view name) {
  for (std::string_view known = name; !known.empty();) {
    std::string_view member;
    if (FindFieldOrMember(known, member) != nullptr) return known.size();
    const size_t dot = known.rfind('.');
    known = dot == std::string_view::npos ? std::string_view() : known.substr(0, dot);
  }
  return name.size();
}

// Reads one field or function at the start of `text`. Returns its length; 0 after an error.
size_t SlotAt(std::string_view text, SlotTable& slots, std::optional<uint32_t>& slot, ResolveError& error) {
  const std::string_view name = NameAt(text, 0);
  size_t length = FieldLength(name);
  const FieldSpec* field = FindField(name.substr(0, length));
  const bool bracket = length < text.size() && text[length] == '[';
  // "%proc.name[1]": text in brackets behind a field that takes none.
  const bool no_argument = bracket && field != nullptr && !field->takes_argument;
  const bool alone = length < name.size() || no_argument;
  size_t taken = 0;
  const std::optional<Operand> operand = ParseOperand(alone ? text.substr(0, length) : text, taken, error);
  if (!operand) return 0;
  slot = ResolveOperand(*operand, slots, error);
  return slot ? taken : 0;
}

std::string Cut(std::string text) {
  if (text.size() <= OutputTemplate::kMaxValueBytes) return text;
  text.resize(OutputTemplate::kMaxValueBytes);
  return text + "...";
}

}  // namespace

std::optional<OutputTemplate> OutputTemplate::Parse(const std::string& subject, const MappedText& mapped,
                                                    SlotTable& slots, Diagnostics& diagnostics,
                                                    bool tolerates_unknown) {
  const auto fail = [&](size_t offset, const std::string& message) {
    diagnostics.Error(mapped.At(offset), subject + "output: " + message);
    return std::nullopt;
  };
  const std::string_view text = mapped.text();
  if (text.size() > kMaxBytes) return fail(0, fmt::format("longer than {} bytes", kMaxBytes));
  OutputTemplate output;
  Part part;
  for (size_t at = text.starts_with('*') ? 1 : 0; at < text.size();) {
    const bool is_field = text[at] == '%' && at + 1 < text.size() && IsLetter(text[at + 1]);
    if (!is_field) {
      part.before += text[at];
      at += text.substr(at).starts_with("%%") ? 2 : 1;
      continue;
    }
    if (output.parts_.size() == kMaxFields) return fail(at, fmt::format("more than {} fields", kMaxFields));
    ResolveError error;
    const size_t taken = SlotAt(text.substr(at + 1), slots, part.slot, error);
    if (taken == 0 && tolerates_unknown && error.unknown_field) {
      diagnostics.Warning(mapped.At(at + error.offset), subject + "output: " + error.message + "; the rule is skipped");
      return std::nullopt;
    }
    if (taken == 0) return fail(at + error.offset, error.message);
    part.name = std::string(text.substr(at + 1, taken));
    output.parts_.push_back(std::exchange(part, {}));
    at += 1 + taken;
  }
  output.parts_.push_back(std::move(part));
  return output;
}

std::string OutputTemplate::Fill(const SlotTable& slots, FieldCache& cache,
                                 std::vector<std::pair<std::string, std::string>>& fields) const {
  std::string text;
  for (const Part& part : parts_) {
    text += part.before;
    if (!part.slot) continue;
    std::string value = Cut(FieldText(cache.Get(slots, *part.slot)));
    text += value;
    const auto same = [&](const auto& field) { return field.first == part.name; };
    if (std::none_of(fields.begin(), fields.end(), same)) fields.emplace_back(part.name, std::move(value));
  }
  return text;
}

}  // namespace tensorwarden::rules
