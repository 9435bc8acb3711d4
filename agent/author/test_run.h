// Runs tests of rules through the real analysis: host model, rules, alerts; of captures the detectors too.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/author/test_file.h"
#include "agent/rules/ruleset.h"

namespace tensorwarden::author {

// An alert as a test can ask for it.
struct SeenAlert {
  std::string rule;
  std::string activity;
  std::string priority;
  std::string stage;
  std::string output;
  uint64_t event = 0;                                       // number of the event in the stream
  double at_s = 0;                                          // since the start of the test
  std::vector<std::pair<std::string, std::string>> fields;  // that the test asks for
};

struct TestResult {
  std::string file;
  int line = 0;
  std::string name;
  std::vector<std::string> rules;   // that it names
  bool fires = false;               // it expects an alert
  std::vector<std::string> errors;  // it could not run: `path:line:column: message`
  std::vector<std::string> differences;
  std::vector<SeenAlert> seen;

  bool passed() const { return errors.empty() && differences.empty(); }
};

// `files` are the rules that the test is about. A rule that the test names is switched on for it.
TestResult RunTest(const TestCase& test, const std::vector<RuleFile>& files);

}  // namespace tensorwarden::author
