#include "agent/author/test_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/author/value_reader.h"

namespace tensorwarden::author {

template <class V>
void Members(V& v, Expectation& e) {
  v("rule", e.rule);
  v("activity", e.activity);
  v("priority", e.priority);
  v("stage", e.stage);
  v("output", e.output);
  v("fields", e.fields);
}

namespace {

using rules::Diagnostics;
using rules::YamlNode;

class CaseReader {
 public:
  CaseReader(const YamlNode& node, TestCase& test, Diagnostics& diagnostics)
      : node_(node),
        test_(test),
        scene_(diagnostics),
        reader_(scene_, diagnostics, [](const FileKey&) { return std::nullopt; }) {}

  bool Read() {
    if (node_.kind != YamlNode::Kind::kMapping) return reader_.Fail(node_, "expected an item with 'test'");
    bool ok = reader_.KnownKeys(node_, {"test", "rule", "host", "lists", "events", "capture", "expect"});
    const YamlNode* name = ValueOf(node_, "test");
    if (name == nullptr) return reader_.Fail(node_, "expected an item with 'test'");
    test_.place = name->place;
    ok = reader_.Read(*name, test_.name) && ok;
    if (ok && test_.name.empty()) return reader_.Fail(*name, "a test needs a name");
    if (const YamlNode* node = ValueOf(node_, "rule")) ok = reader_.Read(*node, test_.rule) && ok;
    test_.host = ValueOf(node_, "host");
    test_.lists = ValueOf(node_, "lists");
    return ReadSource() && ReadExpectations() && ok;
  }

 private:
  bool ReadSource() {
    test_.events = ValueOf(node_, "events");
    const YamlNode* capture = ValueOf(node_, "capture");
    if ((test_.events == nullptr) == (capture == nullptr)) {
      return reader_.Fail(*ValueOf(node_, "test"), "a test has either 'events' or 'capture'");
    }
    if (capture == nullptr) {
      const bool is_list = test_.events->kind == YamlNode::Kind::kSequence;
      if (is_list && !test_.events->items.empty()) return true;
      return reader_.Fail(*test_.events, is_list ? "without an event nothing is tested" : "'events' must be a list");
    }
    if (test_.host != nullptr) return reader_.Fail(*test_.host, "a capture brings its own host");
    if (!reader_.Read(*capture, test_.capture)) return false;
    if (test_.capture.empty()) return reader_.Fail(*capture, "'capture' needs the path of a file");
    const std::string& path = test_.place.file->path;
    if (!test_.capture.starts_with('/')) test_.capture.insert(0, path.substr(0, path.rfind('/') + 1));
    return true;
  }

  bool ReadExpectations() {
    const YamlNode* node = ValueOf(node_, "expect");
    if (node == nullptr || node->kind != YamlNode::Kind::kSequence) {
      return reader_.Fail(node == nullptr ? *ValueOf(node_, "test") : *node,
                          "a test needs 'expect', a list of alerts; [] is none");
    }
    bool ok = true;
    for (const YamlNode& item : node->items) ok = ReadExpectation(item) && ok;
    return ok;
  }

  // Just a name is an alert of that rule.
  bool ReadExpectation(const YamlNode& item) {
    Expectation expectation;
    expectation.place = item.place;
    if (item.kind == YamlNode::Kind::kScalar) {
      expectation.rule = item.scalar.text();
    } else if (!reader_.Struct(item, expectation) || !ReadNames(item, expectation)) {
      return false;
    }
    if (expectation.rule.empty()) expectation.rule = test_.rule;
    if (expectation.rule.empty()) return reader_.Fail(item, "which rule? the test names none either");
    test_.expect.push_back(std::move(expectation));
    return true;
  }

  // Priorities get the spelling that alerts have.
  bool ReadNames(const YamlNode& item, Expectation& expectation) {
    const YamlNode* activity = ValueOf(item, "activity");
    if (activity != nullptr && !reader_.IsOneOf(*activity, {"open", "update", "close"})) return false;
    const YamlNode* priority = ValueOf(item, "priority");
    if (priority == nullptr) return true;
    if (const std::optional<Priority> known = ParsePriority(expectation.priority)) {
      expectation.priority = PriorityName(*known);
      return true;
    }
    std::vector<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Priority::kDebug); ++i) {
      names.emplace_back(PriorityName(static_cast<Priority>(i)));
    }
    return reader_.IsOneOf(*priority, names);
  }

  const YamlNode& node_;
  TestCase& test_;
  Scene scene_;  // unused: names mean something only when the test runs
  ValueReader reader_;
};

}  // namespace

std::vector<std::string> TestCase::RuleNames() const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  add(rule);
  for (const Expectation& expectation : expect) add(expectation.rule);
  return names;
}

TestFile::TestFile(const std::string& path, const std::string& text, Diagnostics& diagnostics) : source_(path, text) {
  root_ = rules::ReadYaml(source_, diagnostics);
  if (!root_) return;
  if (root_->kind != YamlNode::Kind::kSequence) {
    diagnostics.Error(root_->place, "a file of tests is a list of items: '- test:'");
    return;
  }
  for (const YamlNode& item : root_->items) {
    TestCase test;
    if (CaseReader(item, test, diagnostics).Read()) cases_.push_back(std::move(test));
  }
}

bool TestFile::HoldsTests(const std::string& text) {
  const rules::SourceFile source("", text);
  std::vector<RuleProblem> problems;
  Diagnostics diagnostics(problems);
  const std::optional<YamlNode> root = rules::ReadYaml(source, diagnostics);
  if (!root)
    return text.starts_with("- test:") || text.find("\n- test:") != std::string::npos;  // and say what is wrong
  return !root->items.empty() && ValueOf(root->items[0], "test") != nullptr;
}

}  // namespace tensorwarden::author
