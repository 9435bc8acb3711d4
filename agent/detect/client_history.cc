#include "agent/detect/client_history.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace tensorwarden {
namespace {

constexpr uint64_t kMinuteNs = 60ull * 1'000'000'000;
constexpr double kLambda = 0.06;         // half of the weight lies in the last 11 minutes
constexpr uint64_t kMaxIdle = 240;       // minutes: after that the level is 0 for every purpose
constexpr double kClip = 3;              // deviations: one wild minute must not become the usual
constexpr double kMeanToSigma = 1.2533;  // of a normal distribution: from mean absolute deviation
constexpr double kMadToSigma = 1.4826;   // from median absolute deviation

double Median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Clears the slots between two numbers, the new one included; returns what they held.
template <size_t N>
uint64_t Roll(std::array<uint32_t, N>& slots, uint64_t from, uint64_t to) {
  uint64_t gone = 0;
  const uint64_t steps = std::min<uint64_t>(to - from, N);
  for (uint64_t i = 0; i < steps; ++i) gone += std::exchange(slots[(to - i) % N], 0);
  return gone;
}

}  // namespace

ClientHistory::ClientHistory(uint64_t window_ns, uint64_t burst_ns, uint64_t first_ns)
    : slot_ns_(window_ns / kSlots + 1),
      burst_slot_ns_(burst_ns / kBurstSlots + 1),
      first_ns_(first_ns),
      last_ns_(first_ns),
      slot_(first_ns / slot_ns_),
      burst_slot_(first_ns / burst_slot_ns_),
      minute_(first_ns / kMinuteNs) {}

void ClientHistory::Add(uint64_t now_ns) {
  last_ns_ = std::max(last_ns_, now_ns);
  AdvanceWindow(last_ns_);
  AdvanceBurst(last_ns_);
  AdvanceMinutes(last_ns_);
  ++slots_[slot_ % kSlots];
  ++window_sum_;
  ++burst_slots_[burst_slot_ % kBurstSlots];
  ++burst_sum_;
  ++in_minute_;
}

void ClientHistory::AdvanceWindow(uint64_t now_ns) {
  const uint64_t slot = now_ns / slot_ns_;
  if (slot <= slot_) return;
  window_sum_ -= Roll(slots_, slot_, slot);
  slot_ = slot;
}

void ClientHistory::AdvanceBurst(uint64_t now_ns) {
  const uint64_t slot = now_ns / burst_slot_ns_;
  if (slot <= burst_slot_) return;
  burst_sum_ -= Roll(burst_slots_, burst_slot_, slot);
  burst_slot_ = slot;
}

void ClientHistory::AdvanceMinutes(uint64_t now_ns) {
  const uint64_t minute = now_ns / kMinuteNs;
  uint64_t steps = minute > minute_ ? std::min(minute - minute_, kMaxIdle) : 0;
  for (; steps > 0; --steps) {
    Learn(pending_[0]);
    std::shift_left(pending_.begin(), pending_.end(), 1);
    pending_.back() = std::exchange(in_minute_, 0);
  }
  minute_ = std::max(minute_, minute);
}

void ClientHistory::Learn(double requests) {
  // The first minutes that come out of `pending_` are from before the client existed.
  if (learned_++ < pending_.size()) return;
  const uint64_t count = learned_ - pending_.size();
  const double lambda = std::max(kLambda, 1.0 / static_cast<double>(count));
  if (count > kLearnMinutes) {
    const double spread = kClip * std::max({deviation_ * kMeanToSigma, std::sqrt(level_), 1.0});
    requests = std::clamp(requests, level_ - spread, level_ + spread);
  }
  const double residual = requests - level_;
  level_ += lambda * residual;
  deviation_ += lambda * (std::abs(residual) - deviation_);
}

double ClientHistory::UsualInBurst() const {
  return level_ * static_cast<double>(burst_slot_ns_ * kBurstSlots) / kMinuteNs;
}

bool ClientHistory::BurstIsGrowth(double sigma, bool assume_zero) const {
  const bool has_history = learned_ >= kLearnMinutes + pending_.size();
  if (!has_history && !assume_zero) return false;
  const double minutes = static_cast<double>(burst_slot_ns_ * kBurstSlots) / kMinuteNs;
  const double usual = has_history ? UsualInBurst() : 0;
  const double spread = has_history ? deviation_ * kMeanToSigma * minutes : 0;
  const double now = static_cast<double>(burst_sum_);
  return now > kGrowthFactor * usual && now > usual + sigma * std::max({spread, std::sqrt(usual), 1.0});
}

bool ClientHistory::SlotIsGrowth(double sigma, uint64_t min_requests) const {
  const uint32_t now = slots_[slot_ % kSlots];
  if (now <= min_requests) return false;
  std::vector<double> earlier;
  for (size_t i = 0; i < kSlots; ++i)
    if (i != slot_ % kSlots && slots_[i] > 0) earlier.push_back(slots_[i]);
  if (earlier.size() < 3) return false;
  const double median = Median(earlier);
  for (double& value : earlier) value = std::abs(value - median);
  const double spread = std::max({kMadToSigma * Median(earlier), std::sqrt(median), 1.0});
  return now > kGrowthFactor * median && now > median + sigma * spread;
}

void ClientHistory::Inherit(uint64_t first_ns, uint64_t requests, double level) {
  first_ns_ = std::min(first_ns_, first_ns);
  const auto add = static_cast<uint32_t>(std::min<uint64_t>(requests, UINT32_MAX / 2));
  slots_[slot_ % kSlots] += add;
  window_sum_ += add;
  if (level <= 0) return;
  level_ = deviation_ = level;
  learned_ = kLearnMinutes + pending_.size();
}

void ClientHistory::Save(StateWriter& writer) const {
  writer.Number(first_ns_);
  writer.Number(last_ns_);
  for (uint32_t slot : slots_) writer.Number(slot);
  writer.Number(learned_);
  writer.Real(level_);
  writer.Real(deviation_);
}

// Bursts and the current minute are not kept: they are over when the agent is back.
void ClientHistory::Restore(StateReader& reader) {
  const uint64_t first_ns = reader.Number();
  *this = ClientHistory(slot_ns_ * kSlots - kSlots, burst_slot_ns_ * kBurstSlots - kBurstSlots, reader.Number());
  first_ns_ = std::min(first_ns, last_ns_);
  for (uint32_t& slot : slots_) {
    slot = static_cast<uint32_t>(std::min<uint64_t>(reader.Number(), UINT32_MAX / 2));
    window_sum_ += slot;
  }
  learned_ = reader.Number();
  level_ = std::max(0.0, reader.Real());
  deviation_ = std::max(0.0, reader.Real());
}

}  // namespace tensorwarden
