#include "tests/oracle/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace tensorwarden::oracle {
namespace {

constexpr std::string_view kOurTexts[] = {"proc.name", "asset.class", "asset.name", "fd.name"};
constexpr size_t kPathText =
    3;  // pmatch is compared on absolute paths without wildcards: relative ones and wildcards are later Falco's
constexpr std::string_view kOurNumbers[] = {"user.uid", "user.loginuid", "group.gid"};
constexpr std::string_view kPieces[] = {"a", "b", "A", "B", "ab", "/", "/a",  "/b",   "/ab", ".", "-",   "_",  " ",
                                        ",", "(", ")", "=", "*",  "?", "[a]", "[!a]", "1",   "é", "and", "not"};
constexpr uint64_t kNumberValues[] = {0, 1, 2, 7, 8, 10, 99, 1000, 65534, 4294967294};

// Words that need no quotes in either language.
bool IsPlain(const std::string& text) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain) && text != "and" && text != "not";
}

std::string Written(const std::string& text) { return IsPlain(text) ? text : '"' + text + '"'; }

}  // namespace

std::string Generator::Text() {
  std::string text;
  for (size_t n = 1 + Below(3); n > 0; --n) text += kPieces[Below(std::size(kPieces))];
  return text;
}

uint64_t Generator::Number() { return kNumberValues[Below(std::size(kNumberValues))]; }

std::string Generator::Path() {
  static constexpr std::string_view kComponents[] = {"a", "b", "ab", "A", "a.b", "a-b", "a b"};
  std::string path;
  for (size_t n = 1 + Below(4); n > 0; --n) path += '/' + std::string(kComponents[Below(std::size(kComponents))]);
  return path;
}

std::string Generator::List(bool of_paths) {
  std::string list = "(";
  for (size_t n = 1 + Below(4); n > 0; --n) list += Written(of_paths ? Path() : Text()) + (n > 1 ? ", " : "");
  return list + ")";
}

std::string Generator::NumberList() {
  std::string list = "(";
  for (size_t n = 1 + Below(4); n > 0; --n) list += std::to_string(Number()) + (n > 1 ? ", " : "");
  return list + ")";
}

Condition Generator::Check() {
  static constexpr std::string_view kTextOps[] = {"=", "!=", "contains", "icontains", "startswith", "endswith", "glob"};
  static constexpr std::string_view kNumberOps[] = {"=", "!=", "<", "<=", ">", ">="};
  const bool is_text = !OneIn(3);
  const size_t field = is_text ? Below(std::size(kOurTexts)) : Below(std::size(kOurNumbers));
  std::string rest;
  if (OneIn(8)) {
    rest = " exists";
  } else if (is_text && OneIn(4)) {
    const bool pmatch = field == kPathText && OneIn(2);
    rest = (pmatch ? " pmatch " : " in ") + List(pmatch);
  } else if (is_text) {
    rest = fmt::format(" {} {}", kTextOps[Below(std::size(kTextOps))], Written(Text()));
  } else if (OneIn(4)) {
    rest = " in " + NumberList();
  } else {
    rest = fmt::format(" {} {}", kNumberOps[Below(std::size(kNumberOps))], Number());
  }
  return {std::string(is_text ? kOurTexts[field] : kOurNumbers[field]) + rest,
          fmt::format("tw.{}{}{}", is_text ? 't' : 'n', field, rest)};
}

Condition Generator::MakeCondition(int depth) {
  if (depth == 0 || OneIn(4)) {
    Condition check = Check();
    return OneIn(4) ? Condition{"not " + check.ours, "not " + check.theirs} : check;
  }
  // The reference refuses `and` beside `or`, so each level has one of them.
  const std::string_view joint = OneIn(2) ? " and " : " or ";
  Condition all;
  for (size_t n = 2 + Below(3); n > 0; --n) {
    const Condition part = MakeCondition(depth - 1);
    const std::string_view before = all.ours.empty() ? std::string_view() : joint;
    all.ours += fmt::format("{}({})", before, part.ours);
    all.theirs += fmt::format("{}({})", before, part.theirs);
  }
  return OneIn(4) ? Condition{"not (" + all.ours + ")", "not (" + all.theirs + ")"} : all;
}

Facts Generator::MakeFacts() {
  Facts facts;
  for (size_t i = 0; i < std::size(kOurTexts); ++i)
    if (!OneIn(5)) facts.texts[i] = i == kPathText ? Path() : Text();
  for (size_t i = 0; i < std::size(kOurNumbers); ++i) facts.numbers[i] = Number();
  if (OneIn(5)) facts.numbers[1].reset();
  return facts;
}

}  // namespace tensorwarden::oracle
