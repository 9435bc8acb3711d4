#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "agent/capture/capture.h"
#include "agent/capture/frame.h"

namespace tensorwarden {
namespace {

class FileCaptureReader final : public CaptureReader {
 public:
  FileCaptureReader(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::Status ReadFileHeader() {
    absl::StatusOr<std::string> bytes = Read(kFileHeaderBytes);
    if (!bytes.ok()) return bytes.status();
    const absl::Status status = CheckFileHeader(*bytes);
    return status.ok() ? status : absl::Status(status.code(), fmt::format("'{}': {}", path_, Message(status)));
  }

  absl::StatusOr<bool> Next(Event& event) override {
    if (!failed_.ok()) return failed_;
    if (position_ == plain_.size()) {
      absl::StatusOr<bool> more = NextFrame();
      if (!more.ok()) failed_ = more.status();
      if (!more.ok() || !*more) return more;
    }
    absl::StatusOr<Event> decoded = NextInFrame();
    if (!decoded.ok()) return failed_ = AtFrame(decoded.status());
    event = *std::move(decoded);
    return true;
  }

  bool TornTail() const override { return torn_; }

 private:
  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  absl::Status AtFrame(const absl::Status& status) const {
    return absl::DataLossError(fmt::format("'{}': frame at byte {}: {}", path_, frame_offset_, Message(status)));
  }

  // At most `size` bytes; fewer only at the end of the file.
  absl::StatusOr<std::string> Read(size_t size) {
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t n = read(fd_.get(), bytes.data() + done, size - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return absl::ErrnoToStatus(errno, fmt::format("read capture '{}'", path_));
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    bytes.resize(done);
    offset_ += done;
    return bytes;
  }

  // False at the end, torn or not.
  absl::StatusOr<bool> NextFrame() {
    plain_.clear();
    position_ = 0;
    if (torn_) return false;
    frame_offset_ = offset_;
    absl::StatusOr<std::string> head = Read(kFrameHeaderBytes);
    if (!head.ok()) return head.status();
    if (head->empty()) return false;
    if (head->size() < kFrameHeaderBytes) return Torn();
    // A crash of the host may leave a tail whose length was recorded, but whose blocks were not: zeros.
    if (std::all_of(head->begin(), head->end(), [](char c) { return c == 0; })) return ZerosToTheEnd();
    absl::StatusOr<FrameHeader> header = DecodeFrameHeader(*head);
    if (!header.ok()) return AtFrame(header.status());
    return ReadPayload(*header);
  }

  absl::StatusOr<bool> ReadPayload(const FrameHeader& header) {
    absl::StatusOr<std::string> payload = Read(header.payload_bytes);
    if (!payload.ok()) return payload.status();
    if (payload->size() < header.payload_bytes) return Torn();
    if (FrameHash(*payload) != header.payload_hash) {
      return AtFrame(absl::DataLossError("payload does not match its checksum"));
    }
    absl::StatusOr<std::string> plain = DecompressPayload(*payload);
    if (!plain.ok()) return AtFrame(plain.status());
    if (plain->empty()) return AtFrame(absl::DataLossError("frame without events"));
    plain_ = *std::move(plain);
    header_ = header;
    events_read_ = 0;
    return true;
  }

  absl::StatusOr<bool> ZerosToTheEnd() {
    for (;;) {
      absl::StatusOr<std::string> bytes = Read(1 << 16);
      if (!bytes.ok()) return bytes.status();
      if (bytes->empty()) return Torn();
      if (bytes->find_first_not_of('\0') != std::string::npos) {
        return AtFrame(absl::DataLossError("zeros where a frame should be"));
      }
    }
  }

  bool Torn() {
    torn_ = true;
    return false;
  }

  absl::StatusOr<Event> NextInFrame() {
    const size_t left = plain_.size() - position_;
    const uint64_t size = left < 4 ? left : ReadLittleEndian(plain_, position_, 4);
    if (left < 4 || size > left - 4) return absl::DataLossError("an event is longer than its frame");
    absl::StatusOr<Event> event = DecodeCapturedEvent(std::string_view(plain_).substr(position_ + 4, size));
    position_ += 4 + size;
    if (!event.ok()) return event;
    if (++events_read_ == 1 && event->seq != header_.first_seq) {
      return absl::DataLossError(fmt::format("starts with event {} instead of {}", event->seq, header_.first_seq));
    }
    if (position_ == plain_.size() && events_read_ != header_.events) {
      return absl::DataLossError(fmt::format("holds {} events instead of {}", events_read_, header_.events));
    }
    return event;
  }

  std::string path_;
  UniqueFd fd_;
  uint64_t offset_ = 0;        // of the next byte to read
  uint64_t frame_offset_ = 0;  // of the current frame
  FrameHeader header_;
  std::string plain_;
  size_t position_ = 0;  // in plain_
  uint32_t events_read_ = 0;
  bool torn_ = false;
  absl::Status failed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Open(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return absl::ErrnoToStatus(errno, fmt::format("open capture '{}'", path));
  return Adopt(std::move(fd), path);
}

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Adopt(UniqueFd fd, const std::string& path) {
  auto reader = std::make_unique<FileCaptureReader>(path, std::move(fd));
  if (absl::Status status = reader->ReadFileHeader(); !status.ok()) return status;
  return reader;
}

}  // namespace tensorwarden
