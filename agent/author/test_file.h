// Tests of rules, as authors write them:
//
//   - test: weights leave by curl
//     rule: Model weights leave the host     what the test is about; alerts of other rules do not count
//     host: {...}                            see scene.h
//     lists: {approved_destinations: [...]}  in place of the rule files' own
//     events: [{finding: {...}, by: curl, at: 5s}]
//     capture: FILE                          instead of events, and of host
//     expect: [{fields: {proc.name: curl}}]
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/rules/source_text.h"
#include "agent/rules/yaml_tree.h"

namespace tensorwarden::author {

// What an alert must be; what is empty may be anything.
struct Expectation {
  std::string rule;
  std::string activity;
  std::string priority;
  std::string stage;
  std::string output;
  std::vector<std::pair<std::string, std::string>> fields;
  rules::Place place;
};

struct TestCase {
  std::string name;
  std::string rule;
  rules::Place place;
  const rules::YamlNode* host = nullptr;
  const rules::YamlNode* lists = nullptr;
  const rules::YamlNode* events = nullptr;
  rules::Place events_place;
  std::string capture;  // as a path from here
  std::vector<Expectation> expect;

  std::string file() const { return place.file->path; }
  int line() const { return rules::Locate(place).line; }
  // The rules that it names.
  std::vector<std::string> RuleNames() const;
};

class TestFile {
 public:
  // Problems go to `diagnostics`; what is good is read.
  TestFile(const std::string& path, const std::string& text, rules::Diagnostics& diagnostics);
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;

  const std::vector<TestCase>& cases() const { return cases_; }
  // The file is a list whose first item is a test, whatever is wrong with it.
  static bool HoldsTests(const std::string& text);

 private:
  rules::SourceFile source_;
  std::optional<rules::YamlNode> root_;
  std::vector<TestCase> cases_;
};

}  // namespace tensorwarden::author
