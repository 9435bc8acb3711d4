// Any rule file is refused with an error that has a place, or compiles; never a crash, never without end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/rules/ruleset.h"
#include "tests/fuzz/libfyaml_leaks.h"

using namespace tensorwarden;

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
  return 0;
}
