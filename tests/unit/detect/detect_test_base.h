// A host and one detector: events in, findings out.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "agent/detect/detector.h"
#include "tests/support/builders.h"

namespace tensorwarden::testing {

class DetectBench {
 public:
  explicit DetectBench(std::unique_ptr<Detector> detector) : detector_(std::move(detector)) {}

  // The findings of this one event, which is shown only to a detector that says it needs such.
  std::vector<Finding> Feed(uint32_t actor, EventBody body) {
    const Event& event = host.Feed(actor, std::move(body));
    std::vector<Finding> findings;
    if ((detector_->Needs() >> event.body.index() & 1) != 0) detector_->Observe(Enrich(event, host.model()), findings);
    return findings;
  }
  Detector& detector() { return *detector_; }
  void Use(std::unique_ptr<Detector> detector) { detector_ = std::move(detector); }

  TestHost host;

 private:
  std::unique_ptr<Detector> detector_;
};

inline std::vector<std::string> Whats(const std::vector<Finding>& findings) {
  std::vector<std::string> whats;
  for (const Finding& finding : findings) whats.push_back(finding.what);
  return whats;
}

// A broken copy of a saved state must never be taken: every cut, and every byte turned.
inline void ExpectRefusesBroken(Detector& detector, const std::string& state) {
  for (size_t cut = 0; cut < state.size(); cut += 1 + state.size() / 200) {
    EXPECT_EQ(detector.Restore(state.substr(0, cut)).code(), absl::StatusCode::kDataLoss) << cut;
    std::string turned = state;
    turned[cut] = static_cast<char>(turned[cut] ^ 0x40);
    EXPECT_EQ(detector.Restore(turned).code(), absl::StatusCode::kDataLoss) << cut;
  }
}

}  // namespace tensorwarden::testing
