// Events with everything defaulted, and rules to show them to: a test names only what matters.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/rules/ruleset.h"
#include "tests/support/fake_host.h"

namespace tensorwarden {

inline constexpr ProcessKey kParent{100, 1000};
inline constexpr ProcessKey kActor{200, 2000};
inline constexpr FileKey kModelFile{8, 77, 1};

// A host with one process, its parent, and one model.
inline FakeHost MakeHost(ProcessInfo actor = {}, AssetInfo asset = {}) {
  FakeHost host;
  host.start.hostname = "gpu1";
  host.processes[kParent] = {.key = kParent, .comm = "bash", .path = "/usr/bin/bash", .cmdline = "bash -l"};
  actor.key = kActor;
  actor.parent = kParent;
  if (actor.comm.empty()) actor.comm = "curl";
  if (actor.path.empty()) actor.path = "/usr/bin/curl";
  if (actor.args.empty()) actor.args = {"curl", "-T", "model.bin"};
  if (actor.cmdline.empty()) actor.cmdline = "curl -T model.bin";
  host.processes[kActor] = actor;
  asset.file = kModelFile;
  if (asset.name.empty()) asset.name = "llama";
  if (asset.path.empty()) asset.path = "/srv/models/llama.safetensors";
  if (asset.klass.empty()) asset.klass = "model";
  if (asset.size == 0) asset.size = 1 << 30;
  host.assets[kModelFile] = asset;
  host.labels[0] = {.size = asset.size, .name = asset.name, .assets = {kModelFile}};
  return host;
}

inline Event MakeEvent(EventBody body) {
  Event event;
  event.seq = 7;
  event.origin.process = kActor;
  event.body = std::move(body);
  return event;
}

// A finding about the actor and the model.
inline Finding MakeFinding(std::string kind, std::string what) {
  Finding finding;
  finding.kind = std::move(kind);
  finding.what = std::move(what);
  finding.key = finding.kind + ":1";
  finding.process = kActor;
  finding.file = kModelFile;
  return finding;
}

inline std::vector<Detection> MatchAll(RuleSet& rules, const FakeHost& host, const Event& event) {
  std::vector<Detection> detections;
  rules.Match(Enrich(event, host), detections);
  return detections;
}

inline std::vector<std::string> NamesOfMatches(RuleSet& rules, const FakeHost& host, const Event& event) {
  std::vector<std::string> names;
  for (const Detection& detection : MatchAll(rules, host, event)) names.push_back(detection.rule->name);
  return names;
}

// One rule around `condition`.
inline std::string RuleText(const std::string& condition) {
  return "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  condition: >\n    " + condition + "\n";
}

inline std::unique_ptr<RuleSet> MustCompile(const std::string& text) {
  std::vector<RuleProblem> problems;
  auto rules = RuleSet::Compile({{"r.yaml", text}}, problems);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.ok() ? *std::move(rules) : nullptr;
}

inline std::string CompileError(const std::string& text) {
  std::vector<RuleProblem> problems;
  const auto rules = RuleSet::Compile({{"r.yaml", text}}, problems);
  return rules.ok() ? "compiled" : std::string(rules.status().message());
}

}  // namespace tensorwarden
