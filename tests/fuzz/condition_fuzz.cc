// Any condition is refused with a place inside it, or compiles and runs.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/rules/condition/condition_parser.h"
#include "agent/rules/ruleset.h"
#include "tests/support/fake_host.h"

using namespace tensorwarden;

namespace {

// One line of the text per line of a YAML block, so that YAML does not refuse it first.
std::string RuleAround(std::string_view condition) {
  std::string text =
      "- list: names\n  items: [a, b]\n- macro: m\n  condition: proc.name in (names)\n"
      "- rule: r\n  desc: d\n  priority: Error\n  output: o %proc.name\n  condition: |\n    ";
  for (const char c : condition) {
    text += c;
    if (c == '\n') text += "    ";
  }
  return text + "\n";
}

void RunRules(RuleSet& rules) {
  static const FakeHost host;
  for (const EventBody& body :
       {EventBody(ProcessExec{}), EventBody(Finding{.kind = "egress"}), EventBody(ClockTick{})}) {
    Event event;
    event.body = body;
    std::vector<Detection> detections;
    rules.Match(Enrich(event, host), detections);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  rules::LexError error;
  if (!rules::ParseCondition(text, error) && error.offset > text.size()) std::abort();
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile({{"f.yaml", RuleAround(text)}}, problems);
  if (rules.ok()) {
    RunRules(**rules);
  } else if (problems.empty() || rules.status().message().find('\n') != absl::string_view::npos) {
    std::abort();
  }
  return 0;
}
