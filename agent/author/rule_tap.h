// A rule set that tells what it is shown and what it says, for tools that look at an analysis from outside.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/rules/ruleset.h"

namespace tensorwarden::author {

class RuleTap final : public RuleSet {
 public:
  // Called after each event, with the detections of that event alone.
  using Listener = std::function<void(const EnrichedEvent& event, std::span<const Detection> detections)>;

  RuleTap(std::unique_ptr<RuleSet> rules, Listener listener)
      : rules_(std::move(rules)), listener_(std::move(listener)) {}

  // While muted no rule is asked.
  void set_muted(bool muted) { muted_ = muted; }

  void Match(const EnrichedEvent& event, std::vector<Detection>& detections) override {
    if (muted_) return;
    const size_t before = detections.size();
    rules_->Match(event, detections);
    listener_(event, std::span<const Detection>(detections).subspan(before));
  }
  RuleNeeds Needs() const override { return rules_->Needs(); }
  size_t Size() const override { return rules_->Size(); }
  std::string SaveMemory() override { return rules_->SaveMemory(); }
  absl::Status RestoreMemory(std::string_view state, bool new_boot, uint64_t now_ns) override {
    return rules_->RestoreMemory(state, new_boot, now_ns);
  }
  std::vector<RuleMemoryStats> MemoryStats() const override { return rules_->MemoryStats(); }
  RuleLegacy Release() override { return rules_->Release(); }
  std::vector<std::string> TakeOver(RuleLegacy former) override { return rules_->TakeOver(std::move(former)); }
  void Forget(const std::vector<std::string>& names) override { rules_->Forget(names); }

 private:
  std::unique_ptr<RuleSet> rules_;
  Listener listener_;
  bool muted_ = false;
};

}  // namespace tensorwarden::author
