#include "agent/rules/exceptions.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/enrich/nearest.h"
#include "agent/rules/condition/condition_parser.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kKeys[] = {"name", "fields", "comps", "values", "expires", "reason"};
constexpr size_t kMaxValues = 100'000;  // of one exception

class ExceptionReader {
 public:
  ExceptionReader(ItemReader& item, const YamlNode& node) : item_(item), node_(node) {}

  // False after an error.
  bool Read(ExceptionDefinition& exception) {
    if (!CheckKeys()) return false;
    const YamlNode* name = Find("name");
    if (name == nullptr || name->scalar.text().empty()) return Fail(node_.place, "an exception needs a name");
    exception.name = name->scalar.text();
    exception.place = name->place;
    return ReadFields(exception) && ReadComps(exception);
  }

  bool has_fields() const { return Find("fields") != nullptr; }

  // Adds the values to `exception`, whose fields are known by now.
  bool ReadValues(ExceptionDefinition& exception) {
    int64_t expires_ns = 0;
    if (const YamlNode* expires = Find("expires"); expires != nullptr && !ReadTime(*expires, expires_ns)) return false;
    const YamlNode* values = Find("values");
    if (values == nullptr) return true;
    if (values->kind != YamlNode::Kind::kSequence) return Fail(values->place, "'values' must be a list");
    if (exception.values.size() + values->items.size() > kMaxValues) return Fail(values->place, "too many values");
    for (const YamlNode& value : values->items) {
      ExceptionValues tuple;
      tuple.place = value.place;
      tuple.expires_ns = expires_ns;
      if (!ReadTuple(exception, value, tuple)) return false;
      exception.values.push_back(std::move(tuple));
    }
    return true;
  }

 private:
  bool Fail(const Place& place, const std::string& message) {
    item_.Error(place, message);
    return false;
  }

  const YamlNode* Find(std::string_view key) const {
    for (const YamlPair& pair : node_.pairs) {
      if (pair.key == key) return &pair.value;
    }
    return nullptr;
  }

  bool CheckKeys() {
    if (node_.kind != YamlNode::Kind::kMapping) return Fail(node_.place, "an exception has a name, fields and values");
    for (const YamlPair& pair : node_.pairs) {
      if (std::find(std::begin(kKeys), std::end(kKeys), pair.key) != std::end(kKeys)) continue;
      const std::vector<std::string_view> names(std::begin(kKeys), std::end(kKeys));
      return Fail(pair.place, fmt::format("an exception has no key '{}'{}", Printable(pair.key),
                                          DidYouMean(NearestNames(pair.key, names))));
    }
    return true;
  }

  // One text or a list of texts.
  bool ReadWords(const YamlNode& node, std::string_view key, std::vector<ListItem>& words) {
    if (node.kind == YamlNode::Kind::kScalar) {
      words = {{node.scalar.text(), false, node.place}};
      return !node.scalar.text().empty() || Fail(node.place, fmt::format("'{}' is empty", key));
    }
    words = item_.ItemsOf(node, key);
    return item_.ok() && (!words.empty() || Fail(node.place, fmt::format("'{}' is empty", key)));
  }

  bool ReadFields(ExceptionDefinition& exception) {
    const YamlNode* fields = Find("fields");
    if (fields == nullptr) return true;
    exception.single = fields->kind == YamlNode::Kind::kScalar;
    if (!ReadWords(*fields, "fields", exception.fields)) return false;
    for (const ListItem& field : exception.fields) {
      LexError error;
      size_t taken = 0;
      if (!ParseOperand(field.text, taken, error)) return Fail(field.place, error.message);
      if (taken != field.text.size()) return Fail(field.place, "one field stands here, as in proc.name");
    }
    return true;
  }

  bool ReadComps(ExceptionDefinition& exception) {
    const YamlNode* comps = Find("comps");
    if (comps == nullptr) {
      const ListItem usual{exception.single ? "in" : "=", false, exception.place};
      exception.comps.assign(exception.fields.size(), usual);
      return true;
    }
    if (!ReadWords(*comps, "comps", exception.comps)) return false;
    for (const ListItem& comp : exception.comps) {
      Lexer lexer(comp.text);
      const std::optional<Operator> op = lexer.TakeOperator();
      lexer.TakeKeyword("anyof") || lexer.TakeKeyword("oneof") || lexer.TakeKeyword("allof");
      if (op && *op != Operator::kExists && lexer.AtEnd()) continue;
      return Fail(comp.place, fmt::format("'{}' is no operator of two sides", Printable(comp.text)));
    }
    if (exception.comps.size() == exception.fields.size()) return true;
    return Fail(comps->place, fmt::format("{} comps for {} fields", exception.comps.size(), exception.fields.size()));
  }

  // A day lasts to its end; a time says when.
  bool ReadTime(const YamlNode& node, int64_t& ns) {
    const std::string& text = node.scalar.text();
    absl::Time time;
    std::string error;
    if (absl::ParseTime("%Y-%m-%d", text, &time, &error)) {
      time += absl::Hours(24);
    } else if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
      return Fail(node.place, "'expires' must be a day or a time, as in 2027-03-31 or 2027-03-31T12:00:00Z");
    }
    ns = absl::ToUnixNanos(time);
    return ns > 0 || Fail(node.place, "'expires' must lie after 1970");
  }

  bool ReadTuple(const ExceptionDefinition& exception, const YamlNode& value, ExceptionValues& tuple) {
    // For one field, [[a, b]] and [a, b] say the same.
    const bool alone = exception.single || (exception.fields.size() == 1 && value.kind == YamlNode::Kind::kScalar);
    if (alone) return ReadPart(value, tuple);
    if (value.kind != YamlNode::Kind::kSequence || value.items.size() != exception.fields.size()) {
      return Fail(value.place, fmt::format("exception '{}' has {} fields: each of its values is a list of as many",
                                           Printable(exception.name), exception.fields.size()));
    }
    for (const YamlNode& part : value.items) {
      if (!ReadPart(part, tuple)) return false;
    }
    return true;
  }

  bool ReadPart(const YamlNode& part, ExceptionValues& tuple) {
    const bool is_list = part.kind == YamlNode::Kind::kSequence;
    tuple.is_list.push_back(is_list);
    if (is_list) {
      tuple.tuple.push_back(item_.ValuesOf(part, "values"));
    } else {
      YamlNode wrapped;
      wrapped.kind = YamlNode::Kind::kSequence;
      wrapped.place = part.place;
      wrapped.items.push_back(part);
      tuple.tuple.push_back(item_.ValuesOf(wrapped, "values"));
    }
    return item_.ok();
  }

  ItemReader& item_;
  const YamlNode& node_;
};

// A bare word stays bare, so that it may name a list.
bool IsBare(const ListItem& value) {
  return !value.quoted && !value.text.empty() && value.text.find_first_of("()\"'=,# \t\r\n\v\f\\") == std::string::npos;
}

void AppendValue(MappedText& text, const ListItem& value) {
  if (IsBare(value)) return text.AppendMapped(value.text, value.place);
  std::string quoted = "\"";
  for (const char c : value.text) {
    if (c == '\\' || c == '"') quoted += '\\';
    quoted += c;
  }
  text.AppendMapped("", value.place);
  text.AppendMade(quoted + "\"");
}

void AppendList(MappedText& text, const std::vector<ListItem>& values) {
  text.AppendMade("(");
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text.AppendMade(", ");
    AppendValue(text, values[i]);
  }
  text.AppendMade(")");
}

// "in", "pmatch", "startswith anyof": a list follows, whatever the author wrote.
bool WantsList(std::string_view comp) {
  return comp == "in" || comp == "intersects" || comp == "pmatch" || comp.ends_with("oneof") ||
         comp.ends_with("anyof") || comp.ends_with("allof");
}

void AppendCheck(MappedText& text, const ListItem& field, const ListItem& comp, const std::vector<ListItem>& values,
                 bool is_list) {
  text.AppendMapped(field.text, field.place);
  text.AppendMade("  ");
  text.AppendMapped(comp.text, comp.place);
  text.AppendMade("  ");
  is_list || WantsList(comp.text) ? AppendList(text, values) : AppendValue(text, values[0]);
}

void AppendTuple(MappedText& text, const ExceptionDefinition& exception, const ExceptionValues& values) {
  text.AppendMapped("", values.place);
  text.AppendMade("(");
  for (size_t i = 0; i < exception.fields.size(); ++i) {
    if (i > 0) text.AppendMade("  and  ");
    AppendCheck(text, exception.fields[i], exception.comps[i], values.tuple[i], values.is_list[i]);
  }
  // By the event's own time, so that a replay decides as the live run did.
  if (values.expires_ns != 0) text.AppendMade(fmt::format("  and  evt.rawtime < {}", values.expires_ns));
  text.AppendMade(")");
}

// A lone field with a list operator: all values that expire together in one check, which is one look at a set.
void AppendLone(MappedText& text, const ExceptionDefinition& exception) {
  bool first = true;
  for (size_t from = 0; from < exception.values.size();) {
    ExceptionValues together = exception.values[from];
    together.is_list[0] = true;
    size_t to = from + 1;
    for (; to < exception.values.size() && exception.values[to].expires_ns == together.expires_ns; ++to) {
      const std::vector<ListItem>& more = exception.values[to].tuple[0];
      together.tuple[0].insert(together.tuple[0].end(), more.begin(), more.end());
    }
    if (!first) text.AppendMade("  or  ");
    first = false;
    AppendTuple(text, exception, together);
    from = to;
  }
}

ExceptionDefinition* FindByName(std::vector<ExceptionDefinition>& exceptions, const std::string& name) {
  const auto at = std::find_if(exceptions.begin(), exceptions.end(),
                               [&](const ExceptionDefinition& one) { return one.name == name; });
  return at == exceptions.end() ? nullptr : &*at;
}

bool SameFields(const ExceptionDefinition& a, const ExceptionDefinition& b) {
  return std::equal(a.fields.begin(), a.fields.end(), b.fields.begin(), b.fields.end(),
                    [](const ListItem& x, const ListItem& y) { return x.text == y.text; });
}

}  // namespace

void ReadExceptions(ItemReader& item, const YamlNode& node, Change change,
                    std::vector<ExceptionDefinition>& exceptions) {
  if (change == Change::kReplace) exceptions.clear();
  const bool is_empty = node.kind == YamlNode::Kind::kScalar && node.scalar.text().empty();
  if (is_empty) return;
  if (node.kind != YamlNode::Kind::kSequence) return item.Error(node.place, "'exceptions' must be a list");
  for (const YamlNode& one : node.items) {
    ExceptionReader reader(item, one);
    ExceptionDefinition exception;
    if (!reader.Read(exception)) return;
    ExceptionDefinition* earlier = FindByName(exceptions, exception.name);
    if (earlier != nullptr && change == Change::kReplace) {
      return item.Error(exception.place, fmt::format("exception '{}' stands twice", Printable(exception.name)));
    }
    if (earlier == nullptr && !reader.has_fields()) {
      return item.Error(exception.place, fmt::format("exception '{}' needs 'fields': there is no earlier one to add to",
                                                     Printable(exception.name)));
    }
    if (earlier != nullptr && reader.has_fields() && !SameFields(*earlier, exception)) {
      return item.Error(exception.place,
                        fmt::format("exception '{}' has other fields where it was defined", Printable(exception.name)));
    }
    if (earlier == nullptr) earlier = &exceptions.emplace_back(std::move(exception));
    if (!reader.ReadValues(*earlier)) return;
  }
}

MappedText ConditionOf(const ExceptionDefinition& exception) {
  MappedText text;
  const bool lone = exception.fields.size() == 1 && WantsList(exception.comps[0].text);
  const bool in_one = lone && exception.comps[0].text.find(' ') == std::string::npos;
  if (in_one) {
    AppendLone(text, exception);
    return text;
  }
  for (size_t i = 0; i < exception.values.size(); ++i) {
    if (i > 0) text.AppendMade("  or  ");
    AppendTuple(text, exception, exception.values[i]);
  }
  return text;
}

}  // namespace tensorwarden::rules
