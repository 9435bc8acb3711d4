// A rule with memory, and events at times of the test's choice.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/rule_scene.h"

namespace tensorwarden {

inline constexpr uint64_t kSecondNs = 1'000'000'000;
inline constexpr uint64_t kMinuteNs = 60 * kSecondNs;
inline constexpr uint64_t kHourNs = 60 * kMinuteNs;

// `keys`: what follows the fixed ones, each line with its indentation.
inline std::string MemoryRule(const std::string& keys, const std::string& name = "r") {
  return "- rule: " + name + "\n  desc: d\n  priority: Notice\n  output: o %proc.name\n" + keys;
}

inline FileOpen Open(const std::string& path) { return {.path = path}; }
inline ProcessExec Exec() { return {.comm = "curl", .path = "/usr/bin/curl"}; }
inline FileRead Read(uint64_t bytes) { return {.file = kModelFile, .bytes = bytes}; }

class MemoryScene {
 public:
  explicit MemoryScene(const std::string& text, RuleMemoryLimits limits = {}) : text_(text), limits_(limits) {
    rules_ = Compile();
  }

  // Evidence of what fired, in order.
  std::vector<std::string> At(uint64_t ktime_ns, EventBody body, ProcessKey process = kActor) {
    Event event = MakeEvent(std::move(body));
    event.origin.ktime_ns = ktime_ns;
    event.origin.process = process;
    std::vector<std::string> fired;
    for (const Detection& detection : MatchAll(*rules_, host, event)) fired.push_back(detection.evidence);
    return fired;
  }
  bool Fires(uint64_t ktime_ns, EventBody body, ProcessKey process = kActor) {
    return !At(ktime_ns, std::move(body), process).empty();
  }

  // Goes on with new rules of the same text, and what these have saved.
  absl::Status Restart(bool new_boot = false, uint64_t now_ns = 0) { return RestartWith(text_, new_boot, now_ns); }
  absl::Status RestartWith(const std::string& text, bool new_boot = false, uint64_t now_ns = 0) {
    const std::string state = rules_->SaveMemory();
    text_ = text;
    rules_ = Compile();
    return rules_->RestoreMemory(state, new_boot, now_ns);
  }

  RuleMemoryStats Stats() const { return rules_->MemoryStats().at(0); }
  RuleSet& rules() { return *rules_; }

  FakeHost host = MakeHost();

 private:
  std::unique_ptr<RuleSet> Compile() const {
    std::vector<RuleProblem> problems;
    auto rules = RuleSet::Compile({{"r.yaml", text_}}, problems, {.memory = limits_});
    EXPECT_TRUE(rules.ok()) << rules.status();
    return *std::move(rules);
  }

  std::string text_;
  RuleMemoryLimits limits_;
  std::unique_ptr<RuleSet> rules_;
};

}  // namespace tensorwarden
