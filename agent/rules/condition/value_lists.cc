#include "agent/rules/condition/value_lists.h"

#include <fmt/format.h>

namespace tensorwarden::rules {
namespace {

constexpr size_t kMaxListDepth = 16;    // lists within lists
constexpr size_t kMaxSpellings = 1000;  // words compared with all list names: a help for people, not for generators

}  // namespace

std::optional<std::vector<Word>> ValueLists::Of(const CheckContext& context, const Ast& ast) {
  if (!TakesList(ast.op) && ast.modifier == Modifier::kNone) return ast.values;
  std::vector<Word> values;
  for (const Word& word : ast.values) {
    const bool names_list = !word.quoted && definitions_.FindList(word.text) != nullptr;
    if (!names_list && !ast.bracketed && !word.quoted) {
      return context.Fail(word.offset,
                          fmt::format("unknown list '{}'{}; a single value needs brackets", Printable(word.text),
                                      DidYouMean(definitions_.NearestLists(word.text))));
    }
    if (!names_list) {
      WarnIfMisspelt(context, word);
      ++literals_;
      values.push_back(word);
    } else if (!Expand(context, word, 0, values)) {
      return std::nullopt;
    }
  }
  if (literals_ > kMaxLiterals) return context.Fail(ast.offset, "too many list values in all conditions");
  return values;
}

// In brackets a misspelt list name is silently a text. Texts rarely have an underscore, list names nearly always.
void ValueLists::WarnIfMisspelt(const CheckContext& context, const Word& word) {
  if (word.quoted || word.text.find('_') == std::string::npos || ++spellings_ > kMaxSpellings) return;
  const std::vector<std::string_view> nearest = definitions_.NearestLists(word.text);
  if (nearest.empty()) return;
  context.Warn(word.offset, fmt::format("'{}' is a text, not a list{}", Printable(word.text), DidYouMean(nearest)));
}

// Items that name a list stand for its items. Each keeps the offset of the name in the condition, for messages.
bool ValueLists::Expand(const CheckContext& context, const Word& name, size_t depth, std::vector<Word>& values) {
  if (depth > kMaxListDepth) {
    context.Fail(name.offset,
                 fmt::format("list '{}' nests deeper than {}, or uses itself", Printable(name.text), kMaxListDepth));
    return false;
  }
  for (const ListItem& item : definitions_.FindList(name.text)->items) {
    Word word{item.text, item.quoted, name.offset};
    const bool is_list = !item.quoted && item.text != name.text && definitions_.FindList(item.text) != nullptr;
    if (is_list && !Expand(context, word, depth + 1, values)) return false;
    if (!is_list) values.push_back(std::move(word));
    // Items are counted, not values: lists of empty lists must end too.
    if (++literals_ > kMaxLiterals) {
      context.Fail(name.offset, "too many list values in all conditions");
      return false;
    }
  }
  return true;
}

}  // namespace tensorwarden::rules
