#include "agent/rules/condition/operand_resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

constexpr uint32_t kMaxIndex = 31;

struct FunctionSpec {
  std::string_view name;
  Function function;
  size_t min_arguments;
  size_t max_arguments;
  bool takes_text;  // literals may be arguments
  const char* usage;
};

constexpr size_t kAnyNumber = ~size_t{0};
constexpr FunctionSpec kFunctions[] = {
    {"val", Function::kNone, 1, 1, false, "val(field)"},
    {"tolower", Function::kLower, 1, 1, false, "tolower(field)"},
    {"toupper", Function::kUpper, 1, 1, false, "toupper(field)"},
    {"b64", Function::kBase64, 1, 1, false, "b64(field)"},
    {"basename", Function::kBasename, 1, 1, false, "basename(field)"},
    {"len", Function::kLength, 1, 1, false, "len(field)"},
    {"join", Function::kJoin, 2, kAnyNumber, true, "join(field, \"separator\")"},
    {"concat", Function::kConcat, 1, kAnyNumber, true, "concat(field, \"text\", ...)"},
    {"getopt", Function::kGetopt, 2, 2, true, "getopt(proc.args, \"ab:\")"},
};

class Resolver {
 public:
  Resolver(SlotTable& slots, ResolveError& error) : slots_(slots), error_(error) {}

  std::optional<uint32_t> Resolve(const Operand& operand) {
    return operand.kind == Operand::Kind::kField ? ResolveField(operand) : ResolveFunction(operand);
  }

 private:
  std::nullopt_t Fail(size_t offset, std::string message) {
    error_.offset = offset;
    error_.message = std::move(message);
    return std::nullopt;
  }

  std::optional<uint32_t> ResolveField(const Operand& operand) {
    std::string_view member;
    const FieldSpec* field = FindFieldOrMember(operand.name, member);
    if (field == nullptr) {
      error_.unknown_field = true;
      return Fail(operand.offset, fmt::format("unknown field '{}'{}", Printable(operand.name),
                                              DidYouMean(NearestFields(operand.name))));
    }
    if (!member.empty() && operand.has_argument) {
      return Fail(operand.offset, fmt::format("'{}' has two arguments", Printable(operand.name)));
    }
    const std::string argument = member.empty() ? operand.argument : std::string(member);
    const bool has_argument = operand.has_argument || !member.empty();
    if (!CheckArgument(*field, operand.offset, has_argument, argument)) return std::nullopt;
    return slots_.AddField(*field, argument);
  }

  bool CheckArgument(const FieldSpec& field, size_t offset, bool given, const std::string& argument) {
    if (!field.takes_argument) {
      if (given) Fail(offset, fmt::format("field '{}' takes no argument in '[]'", field.name));
      return !given;
    }
    if (field.argument == FieldArgument::kMember && !given) {
      Fail(offset, fmt::format("field '{0}' needs an argument, as in {0}.path", field.name));
      return false;
    }
    if (field.argument != FieldArgument::kIndex || !given) return true;
    uint32_t number = 0;
    const char* end = argument.data() + argument.size();
    const auto parsed = std::from_chars(argument.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && number <= kMaxIndex) return true;
    Fail(offset, fmt::format("{}[...] takes a number from 0 to {}", field.name, kMaxIndex));
    return false;
  }

  std::optional<uint32_t> ResolveFunction(const Operand& operand) {
    const auto spec = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&](const FunctionSpec& one) { return one.name == operand.name; });
    if (operand.kind != Operand::Kind::kFunction || spec == std::end(kFunctions)) {
      return Fail(operand.offset, fmt::format("'{}' is no field or function", Printable(operand.name)));
    }
    std::vector<SlotArgument> arguments;
    if (!ResolveArguments(*spec, operand, arguments)) return std::nullopt;
    if (arguments.size() < spec->min_arguments || arguments.size() > spec->max_arguments) {
      return Fail(operand.offset, fmt::format("wrong number of arguments; it is {}", spec->usage));
    }
    if (operand.has_argument && spec->function != Function::kGetopt) {
      return Fail(operand.offset, fmt::format("{}() takes no argument in '[]'", spec->name));
    }
    if (spec->function == Function::kNone) return Value(operand, arguments[0].index);
    const std::optional<FieldType> type = TypeOf(*spec, operand, arguments);
    if (!type) return std::nullopt;
    return slots_.AddFunction(spec->function, spec->name, std::move(arguments), operand.argument, *type);
  }

  std::optional<uint32_t> Value(const Operand& operand, uint32_t slot) {
    if (operand.arguments[0].kind == Operand::Kind::kField) return slot;
    return Fail(operand.arguments[0].offset, "val() takes a field; a function needs no val()");
  }

  bool ResolveArguments(const FunctionSpec& spec, const Operand& operand, std::vector<SlotArgument>& arguments) {
    for (const Operand& argument : operand.arguments) {
      if (argument.kind == Operand::Kind::kList && spec.takes_text && spec.function != Function::kGetopt) {
        if (!ResolveArguments(spec, argument, arguments)) return false;
        continue;
      }
      const bool is_text = argument.kind == Operand::Kind::kText;
      if (argument.name == "val" || argument.kind == Operand::Kind::kList || (is_text && !spec.takes_text)) {
        Fail(argument.offset, fmt::format("this is no argument of {}(); it is {}", spec.name, spec.usage));
        return false;
      }
      if (is_text) {
        arguments.push_back({true, slots_.AddText(argument.name)});
        continue;
      }
      const std::optional<uint32_t> slot = Resolve(argument);
      if (!slot) return false;
      arguments.push_back({false, *slot});
    }
    return true;
  }

  // The type of the result, arguments checked.
  std::optional<FieldType> TypeOf(const FunctionSpec& spec, const Operand& operand,
                                  const std::vector<SlotArgument>& arguments) {
    const auto fail = [&] {
      return Fail(operand.offset, fmt::format("{}() does not fit its arguments; it is {}", spec.name, spec.usage));
    };
    const SlotArgument& first = arguments[0];
    const FieldType type = first.is_text ? FieldType::kString : slots_[first.index].type;
    switch (spec.function) {
      case Function::kLength:
        if (type == FieldType::kBool || type == FieldType::kNumber) return fail();
        return FieldType::kNumber;
      case Function::kJoin:
        if (!arguments.back().is_text) return fail();
        return FieldType::kString;
      case Function::kConcat:
        return FieldType::kString;
      case Function::kGetopt:
        if (!IsText(type) || !arguments[1].is_text) return fail();
        return operand.has_argument ? FieldType::kString : FieldType::kStringList;
      default:
        if (!IsText(type)) return fail();
        return type;
    }
  }

  SlotTable& slots_;
  ResolveError& error_;
};

}  // namespace

std::optional<uint32_t> ResolveOperand(const Operand& operand, SlotTable& slots, ResolveError& error) {
  return Resolver(slots, error).Resolve(operand);
}

bool IsText(FieldType type) { return type == FieldType::kString || type == FieldType::kStringList; }
bool IsNumber(FieldType type) { return type == FieldType::kNumber || type == FieldType::kNumberList; }

const char* TypeName(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return "true or false";
    case FieldType::kNumber:
      return "a number";
    case FieldType::kString:
      return "a text";
    case FieldType::kStringList:
      return "a list of texts";
    case FieldType::kNumberList:
      return "a list of numbers";
  }
  return "";
}

}  // namespace tensorwarden::rules
