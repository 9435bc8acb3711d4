#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "agent/author/fields_page.h"
#include "agent/base/text_escape.h"
#include "agent/cli/common.h"
#include "agent/cli/rules_verbs.h"
#include "agent/enrich/field_values.h"

namespace tensorwarden {
namespace {

using author::BookRule;
using nlohmann::ordered_json;

struct FieldsFlags {
  bool json = false;
  bool markdown = false;
};

int RunList(const RulesFlags& flags) {
  const absl::StatusOr<std::unique_ptr<author::RuleBook>> book = BookFromFlags(flags);
  if (!book.ok()) return Fail(book.status());
  size_t width = 0;
  for (const BookRule& rule : (*book)->rules()) width = std::max(width, ToPrintable(rule.definition->text.name).size());
  for (const BookRule& rule : (*book)->rules()) {
    const RuleInfo& info = rule.definition->text;
    if (flags.json) {
      PrintJson({{"name", info.name},
                 {"priority", PriorityName(info.priority)},
                 {"enabled", rule.enabled},
                 {"tags", info.tags},
                 {"description", info.description},
                 {"path", info.file},
                 {"line", info.line}});
      continue;
    }
    fmt::print("{:<{}}  {:<13}  {:<3}  {}:{}  {}\n", ToPrintable(info.name), width, PriorityName(info.priority),
               rule.enabled ? "on" : "off", ToPrintable(info.file), info.line,
               ToPrintable(fmt::format("{}", fmt::join(info.tags, ","))));
  }
  return 0;
}

std::vector<std::string> KindsOf(const FieldSpec& field) {
  std::vector<std::string> kinds;
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {
    if (((field.kinds >> kind) & 1) != 0) kinds.emplace_back(EventKindName(kind));
  }
  return kinds;
}

ordered_json ToJson(const FieldSpec& field) {
  ordered_json out = {{"name", std::string(field.name)},      {"usage", author::FieldUsage(field)},
                      {"type", author::TypeText(field.type)}, {"kinds", KindsOf(field)},
                      {"always_empty", field.AlwaysEmpty()},  {"doc", std::string(field.doc)}};
  if (const FieldValues* values = KnownValues(field.name)) {
    out["values"] = values->known;
    out["values_open"] = values->open;
  }
  return out;
}

int RunFields(const FieldsFlags& flags) {
  if (flags.markdown) {
    fmt::print("{}", author::FieldsPage());
    return 0;
  }
  for (const FieldSpec& field : FieldTable()) {
    if (flags.json) {
      PrintJson(ToJson(field));
      continue;
    }
    fmt::print("{:<28} {:<15} {} ({})\n", author::FieldUsage(field), author::TypeText(field.type),
               author::FieldDoc(field), author::KindsText(field));
  }
  return 0;
}

}  // namespace

void AddRulesList(CLI::App& rules, Action& action) {
  auto flags = std::make_shared<RulesFlags>();
  CLI::App* verb = rules.add_subcommand("list", "Name, priority, state, place and tags of each rule");
  AddRulesFlags(*verb, *flags);
  verb->callback([flags, &action] { action = [flags] { return RunList(*flags); }; });
}

void AddRulesFields(CLI::App& rules, Action& action) {
  auto flags = std::make_shared<FieldsFlags>();
  CLI::App* verb = rules.add_subcommand("fields", "Every field that rules can name");
  verb->add_flag("--json", flags->json, "One object a line");
  verb->add_flag("--markdown", flags->markdown, "As the page docs/fields.md");
  verb->callback([flags, &action] { action = [flags] { return RunFields(*flags); }; });
}

}  // namespace tensorwarden
