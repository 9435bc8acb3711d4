#include "agent/capture/flight_recorder.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent/base/files.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kSegments = 8;
constexpr uint64_t kLongestSliceNs = 600'000'000'000;  // however many alerts prolong it
constexpr std::string_view kSuffix = ".twcap";

uint64_t Ns(absl::Duration duration) { return static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration)); }

}  // namespace

absl::StatusOr<std::unique_ptr<FlightRecorder>> FlightRecorder::Create(FlightRecorderConfig config,
                                                                       std::function<std::vector<Event>()> restate) {
  if (config.max_bytes == 0 || config.dir.empty() || config.keep == 0) {
    return absl::InvalidArgumentError("the recorder needs a size, a directory and slices to keep");
  }
  if (absl::Status status = MakeDirectories(config.dir, 0700); !status.ok()) return status;
  return std::unique_ptr<FlightRecorder>(new FlightRecorder(std::move(config), std::move(restate)));
}

void FlightRecorder::Take(const Event& event) {
  if (!HasRoom()) BeginSegment(event);
  Add(event);
  last_seq_ = event.seq;
  if (!slice_) return;
  if (absl::Status status = slice_->writer->Append(event); !status.ok() && !absl::IsInvalidArgument(status)) {
    broken_ = status;
    ++stats_.failed;
    slice_.reset();
  }
}

// At least half of its share is for events: where the state is large, it must not be restated all the time.
bool FlightRecorder::HasRoom() const {
  if (segments_.empty()) return false;
  const uint64_t share = config_.max_bytes / kSegments;
  const Segment& segment = segments_.back();
  return segment.bytes < share || segment.bytes - segment.state_bytes < share / 2;
}

void FlightRecorder::BeginSegment(const Event& event) {
  CloseFrame();
  const bool first = segments_.empty();
  segments_.push_back({.first_ns = event.origin.ktime_ns});
  if (!first) {  // the first one has the agent's own start
    for (Event& one : restate_()) {
      one.seq = last_seq_;
      one.origin.ktime_ns = event.origin.ktime_ns;
      Add(one);
    }
    CloseFrame();
    segments_.back().state_bytes = segments_.back().bytes;
  }
  while (stats_.bytes > config_.max_bytes && segments_.size() > 1) {
    stats_.bytes -= segments_.front().bytes;
    segments_.pop_front();
  }
}

void FlightRecorder::Add(const Event& event) {
  absl::Status added = builder_.Add(event);
  if (absl::IsResourceExhausted(added)) {
    CloseFrame();
    added = builder_.Add(event);
  }
  if (!added.ok()) ++stats_.left_out;
  if (builder_.Full()) CloseFrame();
}

void FlightRecorder::CloseFrame() {
  if (builder_.Empty() || segments_.empty()) return;
  FrameHeader header;
  absl::StatusOr<std::string> frame = builder_.Finish(header);
  if (!frame.ok()) {
    stats_.left_out += header.events;
    return;
  }
  Segment& segment = segments_.back();
  segment.bytes += frame->size();
  stats_.bytes += frame->size();
  segment.frames.push_back(*std::move(frame));
}

absl::StatusOr<std::string> FlightRecorder::Save(const std::string& name, uint64_t now_ns, absl::Duration after) {
  const uint64_t end_ns = now_ns + Ns(after > absl::ZeroDuration() ? after : config_.after);
  if (slice_) {
    slice_->end_ns = std::min(std::max(slice_->end_ns, end_ns), slice_->begun_ns + kLongestSliceNs);
    return slice_->path;
  }
  Slice slice{.path = fmt::format("{}/{}{}", config_.dir, name, kSuffix), .begun_ns = now_ns, .end_ns = end_ns};
  absl::StatusOr<std::unique_ptr<CaptureWriter>> writer = CaptureWriter::Create(slice.path);
  absl::Status status = writer.status();
  if (status.ok()) status = WriteRing(**writer, now_ns - std::min(now_ns, Ns(config_.before)));
  if (!status.ok()) {
    ++stats_.failed;
    if (writer.ok()) unlink(slice.path.c_str());
    return status;
  }
  slice.writer = *std::move(writer);
  slice_ = std::move(slice);
  ++stats_.slices;
  Prune();
  return slice_->path;
}

absl::Status FlightRecorder::WriteRing(CaptureWriter& writer, uint64_t from_ns) {
  CloseFrame();
  if (segments_.empty()) return absl::OkStatus();
  // The last segment that begins early enough; the first one when none does.
  size_t begin = segments_.size() - 1;
  while (begin > 0 && segments_[begin].first_ns > from_ns) --begin;
  const bool whole = stats_.bytes > 0 && segments_[begin].first_ns <= from_ns;
  if (!whole) ++stats_.short_slices;
  for (size_t i = begin; i < segments_.size(); ++i) {
    for (const std::string& frame : segments_[i].frames) {
      if (absl::Status status = writer.AppendFrame(frame); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status FlightRecorder::Tick(uint64_t now_ns, bool stop) {
  CloseFrame();
  absl::Status status = std::exchange(broken_, absl::OkStatus());
  if (!slice_) return status;
  absl::Status written = slice_->writer->Flush();
  if (written.ok() && now_ns < slice_->end_ns && !stop) return status;
  if (written.ok()) written = slice_->writer->Close();
  slice_.reset();
  if (!written.ok()) ++stats_.failed;
  status.Update(written);
  return status;
}

// By name, which begins with the time.
void FlightRecorder::Prune() {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(config_.dir.c_str()), closedir);
  if (dir == nullptr) return;
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir.get())) {
    if (std::string_view(entry->d_name).ends_with(kSuffix)) names.emplace_back(entry->d_name);
  }
  if (names.size() <= config_.keep) return;
  std::sort(names.begin(), names.end());
  for (size_t i = 0; i < names.size() - config_.keep; ++i) {
    if (unlink(fmt::format("{}/{}", config_.dir, names[i]).c_str()) == 0) ++stats_.removed;
  }
}

}  // namespace tensorwarden
