#include "agent/rules/output_template.h"

#include <fmt/format.h>

#include <algorithm>

namespace tensorwarden::rules {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsNameByte(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.'; }

std::string_view NameAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsNameByte(text[end])) ++end;
  return text.substr(at, end - at);
}

// The longest known field that `name` starts with by whole components: "%proc.name." ends a sentence.
const FieldSpec* LongestField(std::string_view name) {
  while (!name.empty()) {
    if (const FieldSpec* field = FindField(name)) return field;
    const size_t dot = name.rfind('.');
    name = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
  }
  return nullptr;
}

std::string Cut(std::string text) {
  if (text.size() <= OutputTemplate::kMaxValueBytes) return text;
  text.resize(OutputTemplate::kMaxValueBytes);
  return text + "...";
}

}  // namespace

std::optional<OutputTemplate> OutputTemplate::Parse(const std::string& subject, const MappedText& mapped,
                                                    Diagnostics& diagnostics) {
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
    const std::string_view name = NameAt(text, at + 1);
    part.field = LongestField(name);
    if (part.field == nullptr) {
      return fail(at, fmt::format("unknown field '{}'{}", Printable(name), DidYouMean(NearestFields(name))));
    }
    if (output.parts_.size() == kMaxFields) return fail(at, fmt::format("more than {} fields", kMaxFields));
    const size_t end = at + 1 + part.field->name.size();
    at = end;
    const size_t close = part.field->takes_argument && end < text.size() && text[end] == '[' ? text.find(']', end)
                                                                                             : std::string_view::npos;
    if (close != std::string_view::npos) {
      part.argument = std::string(text.substr(end + 1, close - end - 1));
      at = close + 1;
    }
    part.name = part.field->name;
    if (!part.argument.empty()) part.name += "[" + part.argument + "]";
    output.parts_.push_back(std::exchange(part, {}));
  }
  output.parts_.push_back(std::move(part));
  return output;
}

std::string OutputTemplate::Fill(const EnrichedEvent& event, FieldScratch& scratch,
                                 std::vector<std::pair<std::string, std::string>>& fields) const {
  std::string text;
  for (const Part& part : parts_) {
    text += part.before;
    if (part.field == nullptr) continue;
    std::string value = Cut(FieldText(part.field->get(event, part.argument, scratch)));
    text += value;
    const auto same = [&](const auto& field) { return field.first == part.name; };
    if (std::none_of(fields.begin(), fields.end(), same)) fields.emplace_back(part.name, std::move(value));
  }
  return text;
}

}  // namespace tensorwarden::rules
