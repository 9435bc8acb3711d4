// Any file of tests of rules is refused with an error that has a place, or its tests run against rules; never a crash,
// never without end. What is scripted is an event like any other: it may say anything.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/author/test_run.h"
#include "tests/fuzz/libfyaml_leaks.h"

using namespace tensorwarden;

namespace {

constexpr const char* kRules =
    "- list: places\n  items: [10.0.0.1]\n"
    "- rule: plain\n  desc: d\n  priority: Notice\n  output: '%proc.name %fd.name %user.name'\n"
    "  condition: evt.type in (execve, open, connect, host_change, dns_query, file_read) and not fd.sip in (places)\n"
    "- rule: finding\n  desc: d\n  priority: Error\n  output: '%finding.evidence'\n  condition: finding.share >= 0.01\n"
    "- rule: many\n  desc: d\n  priority: Notice\n  output: o\n  condition: evt.type exists\n"
    "  aggregate: {count: true, by: [proc.tree], window: 1m, over: 3}\n";

// A file that a test could name must not be opened: it may be anything on this host.
void RunTests(const author::TestFile& file) {
  static const std::vector<RuleFile> rules = {{"rules.yaml", kRules}};
  for (const author::TestCase& test : file.cases()) {
    if (!test.capture.empty()) continue;
    const author::TestResult result = author::RunTest(test, rules);
    for (const std::string& error : result.errors) {
      if (error.find('\n') != std::string::npos) std::abort();
    }
    if (result.passed() && !result.errors.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<RuleProblem> problems;
  rules::Diagnostics diagnostics(problems);
  const author::TestFile file("fuzz.yaml", text, diagnostics);
  for (const RuleProblem& problem : problems) {
    if (problem.line < 1 || problem.column < 1 || problem.message.find('\n') != std::string::npos) std::abort();
  }
  author::TestFile::HoldsTests(text);
  RunTests(file);
  return 0;
}
