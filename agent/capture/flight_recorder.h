// The last events, kept in memory as frames of a capture, and slices of them that alerts save.
//
// The ring consists of segments. Each begins with the state that the host had there, restated as events, so that a
// slice from any segment on is a capture that stands alone. Those events carry the number of the last event before
// them.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/capture/capture.h"
#include "agent/capture/frame_builder.h"

namespace tensorwarden {

struct FlightRecorderConfig {
  uint64_t max_bytes = 0;                    // compressed, restated state included; 0: no recorder
  std::string dir;                           // of the slices, mode 0700
  absl::Duration before = absl::Minutes(1);  // that a slice reaches back at least, as far as the ring has it
  absl::Duration after = absl::Seconds(30);  // that it goes on after the alert
  uint64_t keep = 16;                        // slices; the oldest goes
};

struct FlightRecorderStats {
  uint64_t bytes = 0;         // in the ring
  uint64_t slices = 0;        // begun
  uint64_t failed = 0;        // slices that could not be written, whole or in part
  uint64_t removed = 0;       // to keep no more than `keep`
  uint64_t left_out = 0;      // events larger than a frame, and events of frames that could not be made
  uint64_t short_slices = 0;  // the ring did not reach back as far as asked
};

class FlightRecorder {
 public:
  // `restate`: events that build the host's present state in an empty model. Errors: InvalidArgument; the directory's.
  static absl::StatusOr<std::unique_ptr<FlightRecorder>> Create(FlightRecorderConfig config,
                                                                std::function<std::vector<Event>()> restate);

  // Every event, before the analysis takes it.
  void Take(const Event& event);
  // Begins a slice around now and returns its path, or prolongs the one that is being written and returns that.
  // `after` zero: the config's. Errors: the file's; counted.
  absl::StatusOr<std::string> Save(const std::string& name, uint64_t now_ns, absl::Duration after);
  // Every second, and at the end (`stop`): ends slices that are due. Errors: of a slice that broke off; counted.
  absl::Status Tick(uint64_t now_ns, bool stop);

  const FlightRecorderStats& stats() const { return stats_; }

 private:
  struct Segment {
    uint64_t first_ns = 0;  // of its first own event
    uint64_t bytes = 0;
    uint64_t state_bytes = 0;  // of them, restated state
    std::deque<std::string> frames;
  };
  struct Slice {
    std::unique_ptr<CaptureWriter> writer;
    std::string path;
    uint64_t begun_ns = 0;
    uint64_t end_ns = 0;
  };

  FlightRecorder(FlightRecorderConfig config, std::function<std::vector<Event>()> restate)
      : config_(std::move(config)), restate_(std::move(restate)) {}
  bool HasRoom() const;
  void BeginSegment(const Event& event);
  void Add(const Event& event);
  void CloseFrame();
  absl::Status WriteRing(CaptureWriter& writer, uint64_t from_ns);
  void Prune();

  const FlightRecorderConfig config_;
  const std::function<std::vector<Event>()> restate_;
  FrameBuilder builder_;
  std::deque<Segment> segments_;
  std::optional<Slice> slice_;
  absl::Status broken_;  // of a slice, until the next Tick tells
  uint64_t last_seq_ = 0;
  FlightRecorderStats stats_;
};

}  // namespace tensorwarden
