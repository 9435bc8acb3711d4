#include "agent/author/fields_page.h"

#include <fmt/format.h>

#include <bit>

#include "agent/author/kind_service.h"
#include "agent/enrich/field_values.h"

namespace tensorwarden::author {

const char* TypeText(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return "true/false";
    case FieldType::kNumber:
      return "number";
    case FieldType::kString:
      return "text";
    case FieldType::kStringList:
      return "list of texts";
    case FieldType::kNumberList:
      return "list of numbers";
  }
  return "";
}

std::string FieldUsage(const FieldSpec& field) {
  constexpr const char* kArguments[] = {"[N]", "[TEXT]", ".NAME"};  // by FieldArgument
  return std::string(field.name) + (field.takes_argument ? kArguments[static_cast<size_t>(field.argument)] : "");
}

std::string KindsText(const FieldSpec& field) {
  if (field.AlwaysEmpty()) return "never";
  constexpr KindSet kReal = kAllKinds & ~KindSet{1};  // no event is of kind "none"
  const KindSet kinds = field.kinds & kReal;
  const KindSet others = kReal & ~kinds;
  if (others == 0) return "any";
  if (std::popcount(others) < std::popcount(kinds)) return "any but " + KindNames(others);
  return KindNames(kinds);
}

std::string FieldDoc(const FieldSpec& field) {
  std::string doc(field.doc);
  const FieldValues* values = KnownValues(field.name);
  if (values != nullptr) {
    doc += fmt::format(" {}: {}.", values->open ? "Usual values" : "Values", fmt::join(values->known, ", "));
  }
  return doc;
}

std::string FieldsPage() {
  std::string page =
      "# Fields\n\n"
      "Every field that conditions, outputs, exceptions and `suppress` can name. [rules.md](rules.md) says how they "
      "are used. This page is "
      "made by\n`make docs`; `tensorwarden rules fields` prints the same.\n\n"
      "Kinds are those of the events that can have the field; an event of such a kind may still lack it.\n\n"
      "| field | type | kinds | |\n|---|---|---|---|\n";
  for (const FieldSpec& field : FieldTable()) {
    if (field.AlwaysEmpty()) continue;
    page += fmt::format("| `{}` | {} | {} | {} |\n", FieldUsage(field), TypeText(field.type), KindsText(field),
                        FieldDoc(field));
  }
  page +=
      "\n## Fields that are always empty\n\n"
      "Falco has them, our events never do: `exists` and every comparison are false. Rules that name them load.\n\n"
      "| field | type | |\n|---|---|---|\n";
  for (const FieldSpec& field : FieldTable()) {
    if (field.AlwaysEmpty())
      page += fmt::format("| `{}` | {} | {} |\n", FieldUsage(field), TypeText(field.type), field.doc);
  }
  return page;
}

}  // namespace tensorwarden::author
