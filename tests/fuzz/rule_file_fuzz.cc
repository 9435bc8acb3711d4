// Any rule file is refused with an error that has a place, or compiles and runs; never a crash, never without end. What
// its rules remember can be saved and taken back, and changes nothing then.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/rules/ruleset.h"
#include "tests/fuzz/libfyaml_leaks.h"
#include "tests/support/fake_host.h"

using namespace tensorwarden;

namespace {

void RunRules(RuleSet& rules) {
  static const FakeHost host;
  uint64_t ktime_ns = 0;
  for (int round = 0; round < 3; ++round) {
    for (const EventBody& body : {EventBody(FileOpen{.path = "/a"}), EventBody(FileRead{.bytes = 4096}),
                                  EventBody(Finding{.kind = "egress", .value = 7}), EventBody(ClockTick{})}) {
      Event event{.seq = ktime_ns, .body = body};
      event.origin.ktime_ns = ktime_ns += 7'000'000'000;
      std::vector<Detection> detections;
      rules.Match(Enrich(event, host), detections);
    }
    const std::string state = rules.SaveMemory();
    if (!rules.RestoreMemory(state, false, ktime_ns).ok() || rules.SaveMemory() != state) std::abort();
    if (!rules.RestoreMemory(state, true, 0).ok()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.find("\n---\n");  // two files, so that overriding is tried too
  std::vector<RuleFile> files = {{"a.yaml", text.substr(0, half)}};
  if (half != std::string::npos) files.push_back({"b.yaml", text.substr(half + 5)});
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile(files, problems);
  for (const RuleProblem& problem : problems) {
    if (problem.line < 1 || problem.column < 1 || problem.message.find('\n') != std::string::npos) std::abort();
  }
  if (!rules.ok() && problems.empty()) std::abort();
  if (rules.ok()) RunRules(**rules);
  return 0;
}
