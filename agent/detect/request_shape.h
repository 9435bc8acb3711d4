// Does a client ask the same thing over and over with new fillings?
#pragma once

#include <array>
#include <cstdint>

#include "agent/detect/distinct_count.h"

namespace tensorwarden {

class RequestShape {
 public:
  // Of a request whose body was seen; hashes are the meter's.
  void Add(uint64_t prefix_hash, uint64_t body_hash);

  uint64_t Requests() const { return requests_; }
  // Of the most frequent prefix, 0..1: a lower bound, so that many rare prefixes never look like one.
  double TopPrefixShare() const;
  // Different bodies per request, 0..1.
  double DistinctRatio() const;
  // The same, with two standard deviations of its error in the client's disfavour: all-new bodies read as 0.93 once in
  // forty, and a client that repeats a tenth of its bodies stays below the default threshold.
  double HighDistinctRatio() const;

  void Save(StateWriter& writer) const;
  void Restore(StateReader& reader);

 private:
  // Space-saving (Metwally et al. 2005) with eight counters: what is above an eighth of the requests is among them.
  struct Counter {
    uint64_t hash = 0;
    uint64_t count = 0;
    uint64_t error = 0;  // at most so many of `count` belong to others
  };

  std::array<Counter, 8> prefixes_{};
  DistinctCount bodies_;
  uint64_t requests_ = 0;
};

}  // namespace tensorwarden
