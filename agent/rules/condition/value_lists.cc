#include "agent/rules/condition/value_lists.h"

#include <fmt/format.h>

#include <algorithm>

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
    } else if (!Expand(context, word, context.text.At(word.offset), values)) {
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
// `place`: where `name` stands.
bool ValueLists::Expand(const CheckContext& context, const Word& name, const Place& place, std::vector<Word>& values) {
  if (std::find(open_.begin(), open_.end(), name.text) != open_.end()) {
    context.Fail(place, fmt::format("list '{}' uses itself: {}", Printable(name.text), CycleText(open_, name.text)));
    return false;
  }
  if (open_.size() > kMaxListDepth) {
    context.Fail(place,
                 fmt::format("list '{}' nests deeper than {}, or uses itself", Printable(name.text), kMaxListDepth));
    return false;
  }
  const ListDefinition& list = *definitions_.FindList(name.text);
  open_.push_back(list.name);
  bool ok = true;
  for (size_t i = 0; ok && i < list.items.size(); ++i) {
    const ListItem& item = list.items[i];
    Word word{item.text, item.quoted, name.offset};
    const bool is_list = !item.quoted && item.text != name.text && definitions_.FindList(item.text) != nullptr;
    if (is_list) ok = Expand(context, word, item.place, values);
    if (!is_list) values.push_back(std::move(word));
    // Items are counted, not values: lists of empty lists must end too.
    if (ok && ++literals_ > kMaxLiterals) {
      context.Fail(name.offset, "too many list values in all conditions");
      ok = false;
    }
  }
  open_.pop_back();
  return ok;
}

}  // namespace tensorwarden::rules
