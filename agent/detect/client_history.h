// One client's requests in time: in the week, in the last minutes, and what is usual for it.
#pragma once

#include <array>
#include <cstdint>

#include "agent/base/state_codec.h"

namespace tensorwarden {

class ClientHistory {
 public:
  static constexpr size_t kSlots = 168;      // of the window: hours of a week
  static constexpr size_t kBurstSlots = 24;  // of the burst window: 5 s of two minutes
  // History of less than ten minutes is none: the first minutes of a session say nothing about what is usual.
  static constexpr uint64_t kLearnMinutes = 10;
  static constexpr double kGrowthFactor = 8;  // times the usual, beside the deviations: the usual may be very even

  ClientHistory(uint64_t window_ns, uint64_t burst_ns, uint64_t first_ns);

  void Add(uint64_t now_ns);
  uint64_t InWindow() const { return window_sum_; }
  uint64_t InBurst() const { return burst_sum_; }
  uint64_t FirstNs() const { return first_ns_; }
  uint64_t LastNs() const { return last_ns_; }

  // The usual requests of one burst window, and how far it strays; from before the current burst.
  double UsualInBurst() const;
  // True when the burst window is `sigma` deviations and eightfold over the usual. `assume_zero`: a client too young
  // for a history is judged as one that was silent.
  bool BurstIsGrowth(double sigma, bool assume_zero) const;
  // The current slot of the window against the earlier active ones, of which there must be three.
  bool SlotIsGrowth(double sigma, uint64_t min_requests) const;

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);
  // Carries on from what a summary kept.
  void Inherit(uint64_t first_ns, uint64_t requests, double level);
  double Level() const { return level_; }

 private:
  void AdvanceWindow(uint64_t now_ns);
  void AdvanceBurst(uint64_t now_ns);
  void AdvanceMinutes(uint64_t now_ns);
  void Learn(double requests);

  uint64_t slot_ns_;
  uint64_t burst_slot_ns_;
  uint64_t first_ns_;
  uint64_t last_ns_ = 0;
  uint64_t slot_ = 0;  // number of the current slot since boot
  uint64_t burst_slot_ = 0;
  uint64_t window_sum_ = 0;
  uint64_t burst_sum_ = 0;
  uint64_t minute_ = 0;
  uint32_t in_minute_ = 0;
  uint64_t learned_ = 0;  // minutes
  double level_ = 0;      // requests a minute: exponentially weighted mean ...
  double deviation_ = 0;  // ... and mean absolute deviation, of minutes older than the burst window
  std::array<uint32_t, kSlots> slots_{};
  std::array<uint32_t, kBurstSlots> burst_slots_{};
  // Minutes that are over but not learned yet, so that a burst is not compared with itself.
  std::array<uint32_t, 4> pending_{};
};

}  // namespace tensorwarden
