#include "agent/enrich/field_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/enrich/fields.h"
#include "agent/enrich/nearest.h"

namespace tensorwarden {
namespace {

std::vector<FieldSpec> BuildTable() {
  std::vector<FieldSpec> table;
  for (const auto part :
       {fields::EventFields(), fields::ProcessFields(), fields::FileFields(), fields::NetworkFields(),
        fields::AssetFields(), fields::FindingFields(), fields::HostFields(), fields::GpuFields(), fields::CallFields(),
        fields::LineageFields(), fields::PathFields(), fields::AbsentFields()}) {
    table.insert(table.end(), part.begin(), part.end());
  }
  std::sort(table.begin(), table.end(), [](const FieldSpec& a, const FieldSpec& b) { return a.name < b.name; });
  return table;
}

const std::vector<FieldSpec>& Table() {
  static const std::vector<FieldSpec>* const table = new std::vector<FieldSpec>(BuildTable());
  return *table;
}

// Whole numbers without a fraction: sizes and counts are the rule, shares the exception.
std::string NumberText(double value) {
  if (std::isnan(value)) return "<NA>";
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::trunc(value) == value && std::abs(value) <= kExact) return fmt::format("{:.0f}", value);
  return fmt::format("{:.6g}", value);
}

std::string Joined(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(NumberText(value));
  return fmt::format("{}", fmt::join(texts, ","));
}

std::string Joined(const std::vector<std::string_view>& values) { return fmt::format("{}", fmt::join(values, ",")); }

}  // namespace

std::string_view FieldScratch::Keep(std::string_view text) {
  if (used == strings.size()) strings.emplace_back();
  std::string& kept = strings[used++];
  kept.assign(text);
  return kept;
}

std::span<const FieldSpec> FieldTable() { return Table(); }

const FieldSpec* FindField(std::string_view name) {
  const std::vector<FieldSpec>& table = Table();
  const auto at = std::lower_bound(table.begin(), table.end(), name,
                                   [](const FieldSpec& spec, std::string_view wanted) { return spec.name < wanted; });
  return at != table.end() && at->name == name ? &*at : nullptr;
}

const FieldSpec* FindFieldOrMember(std::string_view name, std::string_view& member) {
  member = {};
  if (const FieldSpec* field = FindField(name)) return field;
  for (size_t dot = name.rfind('.'); dot != std::string_view::npos; dot = name.substr(0, dot).rfind('.')) {
    const FieldSpec* field = FindField(name.substr(0, dot));
    if (field == nullptr) continue;
    member = name.substr(dot + 1);
    return field->takes_argument && field->argument == FieldArgument::kMember && !member.empty() ? field : nullptr;
  }
  return nullptr;
}

uint64_t FieldSpec::KindsWith(std::string_view argument_text) const {
  return kinds_of_member == nullptr || argument_text.empty() ? kinds : kinds_of_member(argument_text);
}

std::vector<std::string_view> NearestFields(std::string_view name) {
  std::vector<std::string_view> names;
  for (const FieldSpec& spec : Table()) names.push_back(spec.name);
  return NearestNames(name, names);
}

std::string FieldText(const FieldValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<double>(&value)) return NumberText(*number);
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (const auto* list = std::get_if<std::vector<std::string_view>>(&value)) return Joined(*list);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return Joined(*list);
  return "<NA>";
}

}  // namespace tensorwarden
