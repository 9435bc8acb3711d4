#include "agent/rules/memory/memory_compiler.h"

#include <fmt/format.h>

#include <string_view>

#include "agent/rules/condition/literal.h"
#include "agent/rules/condition/named_field.h"
#include "agent/rules/condition/operand_resolver.h"
#include "agent/rules/condition/units.h"
#include "agent/rules/memory/aggregate.h"
#include "agent/rules/memory/baseline.h"
#include "agent/rules/memory/sequence.h"

namespace tensorwarden::rules {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::string_view kShareOf = " of ";

class MemoryCompiler {
 public:
  MemoryCompiler(const std::string& subject, const RuleMemoryLimits& limits, SlotTable& slots, Diagnostics& diagnostics)
      : subject_(subject), limits_(limits), slots_(slots), diagnostics_(diagnostics) {}

  std::optional<CompiledMemory> Compile(const MemoryDefinition& definition) {
    std::optional<CompiledMemory> compiled =
        std::visit([&](const auto& what) { return CompileWhat(what); }, definition.what);
    if (!compiled) return std::nullopt;
    std::optional<std::vector<uint32_t>> by =
        ResolveNamedFields(definition.by, fmt::format("{}{} by: ", subject_, what_), slots_, diagnostics_);
    if (!by) return std::nullopt;
    for (const uint32_t field : *by) {
      compiled->kinds &= slots_[field].kinds;
      shape_ += fmt::format("\nby {}", slots_[field].name);
    }
    compiled->by = *std::move(by);
    compiled->shape = *HashOf(FieldValue(std::string_view(shape_)));
    return compiled;
  }

 private:
  std::nullopt_t Fail(const Place& place, const std::string& message) {
    diagnostics_.Error(place, fmt::format("{}{}: {}", subject_, what_, message));
    return std::nullopt;
  }

  std::optional<CompiledMemory> CompileWhat(const SequenceDefinition& definition) {
    what_ = "sequence";
    std::vector<SequenceStep> steps;
    SequenceStep next;
    for (size_t i = 0; i < definition.steps.size(); ++i) {
      const StepDefinition& step = definition.steps[i];
      shape_ += fmt::format("\n{} {}", step.negated ? "not" : "step", step.condition.text());
      if (step.negated) {
        next.barred |= uint32_t{1} << i;
        continue;
      }
      next.happens = uint32_t{1} << i;
      steps.push_back(std::exchange(next, {}));
    }
    return CompiledMemory{.memory = MakeSequence(std::move(steps), definition.within_ns, limits_)};
  }

  std::optional<CompiledMemory> CompileWhat(const AggregateDefinition& definition) {
    using Of = AggregateDefinition::Of;
    what_ = "aggregate";
    AggregateSpec spec{.of = definition.of, .window_ns = definition.window_ns, .limits = limits_};
    CompiledMemory compiled;
    if (spec.of == Of::kSum || spec.of == Of::kDistinct) {
      const std::optional<uint32_t> field = Field(definition.field, spec.of == Of::kSum ? "sum" : nullptr);
      if (!field) return std::nullopt;
      spec.field = *field;
      compiled.kinds &= slots_[*field].kinds;
      shape_ += fmt::format("\nfield {}", slots_[*field].name);
    }
    if (!ReadOver(definition.over, spec)) return std::nullopt;
    // Buckets are as long as the window says.
    shape_ += fmt::format("\n{} in {}", static_cast<int>(spec.of), spec.window_ns);
    compiled.memory = MakeAggregate(spec);
    return compiled;
  }

  std::optional<CompiledMemory> CompileWhat(const BaselineDefinition& definition) {
    what_ = "baseline";
    const bool levels = definition.alert == BaselineDefinition::Alert::kAbove;
    const std::optional<uint32_t> of = Field(definition.of, levels ? "alert: above" : nullptr);
    if (!of) return std::nullopt;
    shape_ += fmt::format("\n{} of {}", levels ? "level" : "values", slots_[*of].name);
    return CompiledMemory{.memory = MakeBaseline({.of = *of,
                                                  .learn_ns = definition.learn_ns,
                                                  .alert = definition.alert,
                                                  .times = definition.times,
                                                  .limits = limits_}),
                          .kinds = slots_[*of].kinds};
  }

  // `needs_number`: what needs the field to be one; nullptr: nothing.
  std::optional<uint32_t> Field(const ListItem& item, const char* needs_number) {
    const std::optional<uint32_t> slot =
        ResolveNamedField(item, fmt::format("{}{}: ", subject_, what_), slots_, diagnostics_);
    if (!slot || needs_number == nullptr || slots_[*slot].type == FieldType::kNumber) return slot;
    return Fail(item.place, fmt::format("'{}' needs a number, and {} is {}", needs_number, slots_[*slot].name,
                                        TypeName(slots_[*slot].type)));
  }

  bool ReadOver(const MappedText& over, AggregateSpec& spec) {
    const std::string_view text = over.text();
    const size_t of = text.find(kShareOf);
    const std::string_view figure = text.substr(0, std::min(of, text.size()));
    const std::optional<Quantity> quantity = ParseQuantity(figure);
    if (!quantity || quantity->value < 0) {
      Fail(over.At(0), fmt::format("'over' must be a number from 0 on, as in 5, 10MiB, 30s or 1% of asset.size, not "
                                   "'{}'",
                                   Printable(text)));
      return false;
    }
    spec.over = quantity->value;
    return of == std::string_view::npos ? CheckUnit(over, *quantity, spec) : ReadShare(over, of, *quantity, spec);
  }

  bool CheckUnit(const MappedText& over, const Quantity& quantity, AggregateSpec& spec) {
    using Of = AggregateDefinition::Of;
    if (spec.of == Of::kSum) {
      const std::string misfit = WhyNoValue(quantity, over.text(), slots_[spec.field]);
      if (!misfit.empty()) {
        Fail(over.At(0), "'over': " + misfit);
        return false;
      }
      const FieldSpec* field = slots_[spec.field].field;
      const bool in_ns = field != nullptr && field->content == FieldContent::kNanoseconds;
      if (in_ns && quantity.of == Quantity::Of::kSeconds) spec.over *= kNsPerSecond;
      return true;
    }
    if (quantity.of != Quantity::Of::kPlain) {
      Fail(over.At(0), fmt::format("'over' counts {} here and has no unit", spec.of == Of::kDistinct ? "values"
                                                                            : spec.of == Of::kRate ? "events per second"
                                                                                                   : "events"));
      return false;
    }
    if (spec.of != Of::kDistinct || spec.over <= kMaxDistinct) return true;
    Fail(over.At(0), fmt::format("'over' of different values is at most {:.0f}", kMaxDistinct));
    return false;
  }

  bool ReadShare(const MappedText& over, size_t of, const Quantity& share, AggregateSpec& spec) {
    if (spec.of != AggregateDefinition::Of::kSum) {
      Fail(over.At(0), "a share of a field goes with 'sum'");
      return false;
    }
    if (share.of != Quantity::Of::kShare && share.of != Quantity::Of::kPlain) {
      Fail(over.At(0), fmt::format("'{}' is no share, as in 1% of asset.size", Printable(over.text())));
      return false;
    }
    const size_t at = of + kShareOf.size();
    spec.over_of = Field({over.text().substr(at), false, over.At(at)}, "over");
    return spec.over_of.has_value();
  }

  const std::string& subject_;
  const RuleMemoryLimits& limits_;
  SlotTable& slots_;
  Diagnostics& diagnostics_;
  const char* what_ = "";
  std::string shape_;
};

}  // namespace

std::optional<CompiledMemory> CompileMemory(const MemoryDefinition& definition, const std::string& subject,
                                            const RuleMemoryLimits& limits, SlotTable& slots,
                                            Diagnostics& diagnostics) {
  return MemoryCompiler(subject, limits, slots, diagnostics).Compile(definition);
}

}  // namespace tensorwarden::rules
