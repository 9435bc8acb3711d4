#include "agent/rules/memory/memory_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/rules/source_text.h"

namespace tensorwarden::rules {
namespace {

constexpr std::string_view kMagic = "tensorwarden rules 1\n";
constexpr std::string_view kRuleMagic = "r1";  // each rule's part has a checksum of its own
constexpr size_t kMaxName = 4096;

}  // namespace

std::string SaveMemories(const std::vector<RememberingRule>& rules, int64_t now_ns) {
  if (rules.empty()) return "";
  StateWriter writer(kMagic);
  SaveTime(writer, now_ns);
  writer.Number(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    const RememberingRule& rule = rules[i];
    const size_t room = RuleSet::kMaxSavedMemory - std::min(RuleSet::kMaxSavedMemory, writer.size());
    StateWriter part(kRuleMagic);
    *rule.unsaved_keys = rule.memory->Save(part, room / (rules.size() - i));
    writer.Text(rule.name.substr(0, kMaxName));
    Save(writer, rule.shape);
    writer.Text(part.Finish());
  }
  return writer.Finish();
}

absl::Status RestoreMemories(std::string_view state, const std::vector<RememberingRule>& rules, bool new_boot,
                             int64_t now_ns) {
  if (state.empty()) return absl::OkStatus();
  StateReader reader(state, kMagic);
  const int64_t saved_ns = RestoreTime(reader);
  std::string broken;
  for (size_t left = reader.Count(state.size()); left > 0 && reader.ok(); --left) {
    const std::string_view name = reader.Text(kMaxName);
    const ValueHash shape = RestoreHash(reader);
    StateReader part(reader.Text(state.size()), kRuleMagic);
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const RememberingRule& r) {
      return r.name.substr(0, kMaxName) == name && r.shape == shape;
    });
    if (!reader.ok() || rule == rules.end() || (new_boot && !rule->memory->OutlivesBoot())) continue;
    if (rule->memory->Restore(part, new_boot ? now_ns - saved_ns : 0)) continue;
    broken += fmt::format("{}'{}'", broken.empty() ? "" : ", ", Printable(name));
  }
  if (!reader.AtEnd()) return absl::DataLossError("the rules' saved state is broken; rules start empty");
  if (broken.empty()) return absl::OkStatus();
  return absl::DataLossError(fmt::format("the saved state of rules {} is broken; they start empty", broken));
}

}  // namespace tensorwarden::rules
