#include <fmt/format.h>

#include <cstdio>
#include <deque>
#include <filesystem>

#include "agent/author/test_file.h"
#include "agent/author/test_run.h"
#include "agent/base/text_escape.h"
#include "agent/cli/common.h"
#include "agent/cli/rules_verbs.h"

namespace tensorwarden {
namespace {

namespace fs = std::filesystem;
using author::SeenAlert;
using author::TestCase;
using author::TestFile;
using author::TestResult;
using nlohmann::ordered_json;

struct TestFlags {
  std::vector<std::string> paths;
  std::vector<std::string> rules;
  bool json = false;
  bool verbose = false;
};

// Test files, and the rules that they are about.
struct Suite {
  std::vector<RuleFile> tests;
  std::vector<RuleFile> rules;
};

absl::StatusOr<std::vector<RuleFile>> Texts(const std::vector<std::string>& paths, bool tests) {
  absl::StatusOr<std::vector<RuleFile>> files = ReadRules(paths);
  if (files.ok()) std::erase_if(*files, [&](const RuleFile& f) { return TestFile::HoldsTests(f.text) != tests; });
  return files;
}

// A mistyped file is not passed over where only tests are expected.
void WarnOfOthers(const std::string& folder) {
  const absl::StatusOr<std::vector<RuleFile>> others = Texts({folder}, false);
  if (!others.ok()) return;
  for (const RuleFile& file : *others)
    fmt::print(stderr, "tensorwarden: warning: {}: holds no tests ('- test: ...'), and is not looked at\n",
               ToPrintable(file.path));
}

// Of a directory of rules the tests in `tests` below it, or beside the rules; of one that is named tests itself, and of
// a file in it, the rules in the directory above.
absl::StatusOr<Suite> SuiteOf(const std::string& path, const std::vector<std::string>& rules) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  if (!is_folder && !fs::exists(path, error)) return absl::NotFoundError(path + ": no such file or directory");
  const fs::path whole = fs::absolute(path, error);
  const fs::path folder = (is_folder ? whole : whole.parent_path()).lexically_normal();
  const fs::path base = folder.has_filename() ? folder : folder.parent_path();
  const bool in_tests = base.filename() == "tests";
  std::vector<std::string> places = {path};
  const std::string below = (fs::path(path) / "tests").string();
  if (is_folder && fs::is_directory(below, error)) places.push_back(below);
  std::string of_rules = is_folder ? path : fs::path(path).parent_path().string();
  if (of_rules.empty()) of_rules = ".";
  if (in_tests) of_rules = (fs::path(of_rules) / "..").lexically_normal().string();
  absl::StatusOr<std::vector<RuleFile>> tests = Texts(places, true);
  if (!tests.ok()) return tests.status();
  if (in_tests && is_folder) WarnOfOthers(path);
  if (places.size() > 1) WarnOfOthers(places.back());
  if (tests->empty())
    return absl::NotFoundError(path + ": holds no tests ('- test: ...'), nor does its folder 'tests'");
  absl::StatusOr<std::vector<RuleFile>> files = Texts(rules.empty() ? std::vector{of_rules} : rules, false);
  if (!files.ok()) return files.status();
  if (files->empty()) return absl::NotFoundError(of_rules + ": holds no rules for these tests; give --rules");
  return Suite{*std::move(tests), *std::move(files)};
}

ordered_json ToJson(const TestResult& result) {
  ordered_json out = {{"test", result.name},   {"path", result.file},   {"line", result.line},
                      {"rules", result.rules}, {"fires", result.fires}, {"passed", result.passed()}};
  out["errors"] = result.errors;
  out["differences"] = result.differences;
  out["alerts"] = ordered_json::array();
  for (const SeenAlert& alert : result.seen) {
    ordered_json fields = ordered_json::object();
    for (const auto& [name, value] : alert.fields) fields[name] = value;
    out["alerts"].push_back({{"rule", alert.rule},
                             {"activity", alert.activity},
                             {"priority", alert.priority},
                             {"stage", alert.stage},
                             {"output", alert.output},
                             {"event", alert.event},
                             {"fields", fields}});
  }
  return out;
}

void PrintText(const TestResult& result, bool verbose) {
  if (result.passed() && !verbose) return;
  fmt::print("{} {}:{}: {}\n", result.passed() ? "ok  " : "FAIL", ToPrintable(result.file), result.line,
             ToPrintable(result.name));
  for (const std::string& error : result.errors) fmt::print("  {}\n", ToPrintable(error));
  for (const std::string& line : result.differences) fmt::print("  {}\n", ToPrintable(line));
}

struct Tally {
  size_t run = 0;
  size_t failed = 0;
  size_t broken = 0;  // errors of test files: what they would test is not tested
};

void RunSuite(const Suite& suite, const TestFlags& flags, Tally& tally) {
  for (const RuleFile& file : suite.tests) {
    std::vector<RuleProblem> problems;
    rules::Diagnostics diagnostics(problems);
    const TestFile tests(file.path, file.text, diagnostics);
    for (const RuleProblem& problem : problems) {
      fmt::print(stderr, "{}\n", ProblemWithCaret(problem));
      if (problem.error) ++tally.broken;
    }
    for (const TestCase& test : tests.cases()) {
      const TestResult result = author::RunTest(test, suite.rules);
      ++tally.run;
      if (!result.passed()) ++tally.failed;
      flags.json ? PrintJson(ToJson(result)) : PrintText(result, flags.verbose);
    }
  }
}

int RunRulesTest(const TestFlags& flags) {
  std::vector<std::string> paths = flags.paths;
  if (paths.empty()) paths.push_back(ShippedRules());
  Tally tally;
  for (const std::string& path : paths) {
    const absl::StatusOr<Suite> suite = SuiteOf(path, flags.rules);
    if (!suite.ok()) {
      Fail(suite.status());
      return kUsage;
    }
    RunSuite(*suite, flags, tally);
  }
  if (!flags.json) {
    const std::string broken = tally.broken > 0 ? fmt::format(", {} errors in test files", tally.broken) : "";
    fmt::print("{} tests of rules: {} failed{}\n", tally.run, tally.failed, broken);
  }
  return tally.failed + tally.broken == 0 ? 0 : 1;
}

}  // namespace

void AddRulesTest(CLI::App& rules, Action& action) {
  auto flags = std::make_shared<TestFlags>();
  CLI::App* verb = rules.add_subcommand("test", "Run scripted events and captures against what they should raise");
  verb->add_option("paths", flags->paths, "Test files, or directories with rules or tests (default: the shipped ones)")
      ->type_name("FILE|DIR");
  verb->add_option("--rules", flags->rules, "The rules to test, when they do not lie beside the tests; repeatable")
      ->type_name("F|DIR")
      ->take_all()
      ->allow_extra_args(false);
  verb->add_flag("--json", flags->json, "One object a line");
  verb->add_flag("-v,--verbose", flags->verbose, "Name the tests that passed too");
  verb->callback([flags, &action] { action = [flags] { return RunRulesTest(*flags); }; });
}

}  // namespace tensorwarden
