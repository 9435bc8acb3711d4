// The two ring buffers, read as one stream.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <memory>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/event/event.h"

struct ring_buffer;

namespace tensorwarden {

struct RingStats {
  uint64_t records = 0;
  uint64_t undecodable = 0;  // broken or of an unknown kind: dropped
};

class Rings {
 public:
  // The descriptors are of BPF maps, and stay the caller's.
  static absl::StatusOr<std::unique_ptr<Rings>> Create(int urgent_map_fd, int bulk_map_fd);
  ~Rings();

  // Readable when records wait. Bulk records, and births and ends of processes in the urgent ring, wake nobody until
  // 64 KiB wait, so a timer of 50 ms is part of the set: 20 cheap wake-ups a second, whatever the load.
  int PollFd() const { return epoll_.get(); }

  // Appends at most `max` events, in time order within this call. A quarter of `max` is kept for the bulk ring, so
  // that neither ring starves the other. Returns how many records were taken out.
  size_t Drain(size_t max, std::vector<Event>& events);
  const RingStats& stats() const { return stats_; }

 private:
  struct Deleter {
    void operator()(ring_buffer* ring) const;
  };
  using Ring = std::unique_ptr<ring_buffer, Deleter>;

  Rings() = default;
  absl::Status Open(int map_fd, Ring& ring);
  absl::Status StartTimer();
  size_t DrainOne(ring_buffer* ring, size_t max);
  static int OnRecord(void* context, void* bytes, size_t size);
  void MoveSorted(std::vector<Event>& events);

  UniqueFd epoll_;
  UniqueFd timer_;
  Ring urgent_;
  Ring bulk_;
  std::vector<Event> batch_;
  size_t taken_ = 0;  // by the DrainOne() that runs now
  size_t limit_ = 0;
  RingStats stats_;
};

}  // namespace tensorwarden
