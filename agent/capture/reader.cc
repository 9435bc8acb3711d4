#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "agent/base/files.h"
#include "agent/capture/capture.h"
#include "agent/capture/codec.h"
#include "agent/capture/frame.h"
#include "agent/capture/index.h"
#include "agent/capture/index_file.h"

namespace tensorwarden {
namespace {

class FileCaptureReader final : public CaptureReader {
 public:
  FileCaptureReader(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::Status ReadFileHeader() {
    absl::StatusOr<std::string> bytes = Read(kFileHeaderBytes);
    if (!bytes.ok()) return bytes.status();
    absl::StatusOr<uint16_t> version = DecodeFileHeader(*bytes);
    if (!version.ok()) return InFile(version.status());
    version_ = *version;
    struct stat st {};
    if (fstat(fd_.get(), &st) == 0 && S_ISREG(st.st_mode)) size_ = static_cast<uint64_t>(st.st_size);
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(Event& event) override {
    if (!failed_.ok()) return failed_;
    if (position_ == plain_.size()) {
      absl::StatusOr<bool> more = NextFrame();
      if (!more.ok()) failed_ = more.status();
      if (!more.ok() || !*more) return more;
    }
    if (absl::Status status = NextInFrame(event); !status.ok()) return failed_ = AtFrame(status);
    return true;
  }

  bool TornTail() const override { return torn_; }

  absl::StatusOr<CaptureExtent> Extent() override {
    if (absl::Status status = NeedIndex(); !status.ok()) return status;
    CaptureExtent extent;
    for (const IndexRow& row : index_->rows()) {
      extent.events += row.events;
      extent.last_ns = std::max(extent.last_ns, row.last_ns);
      if (extent.first_ns == 0 || (row.first_ns != 0 && row.first_ns < extent.first_ns)) extent.first_ns = row.first_ns;
    }
    return extent;
  }

  absl::Status SeekTime(uint64_t time_ns) override {
    if (!failed_.ok()) return failed_;
    if (absl::Status status = NeedIndex(); !status.ok()) return status;
    const IndexRow* row = index_->RowAt(time_ns);
    if (row != nullptr && row->offset < offset_) return absl::OkStatus();  // in the frame at hand, or before it
    const uint64_t target = row != nullptr ? row->offset : size_;
    if (lseek(fd_.get(), static_cast<off_t>(target), SEEK_SET) < 0) {
      return InFile(absl::ErrnoToStatus(errno, "seek"));
    }
    offset_ = target;
    plain_.clear();
    position_ = 0;
    return absl::OkStatus();
  }

  double Share() const override {
    return size_ == 0 ? -1 : std::min(1.0, static_cast<double>(offset_) / static_cast<double>(size_));
  }

 private:
  absl::Status NeedIndex() {
    if (index_) return absl::OkStatus();
    absl::StatusOr<CaptureIndex> index = LoadIndex(fd_.get(), version_);
    if (!index.ok()) return InFile(index.status());
    index_ = *std::move(index);
    return absl::OkStatus();
  }

  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  absl::Status InFile(const absl::Status& status) const {
    return {status.code(), fmt::format("'{}': {}", path_, Message(status))};
  }

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
    absl::StatusOr<std::string> head = Read(FrameHeaderBytes(version_));
    if (!head.ok()) return head.status();
    if (head->empty()) return false;
    if (head->size() < FrameHeaderBytes(version_)) return Torn();
    // A crash of the host may leave a tail whose length was recorded, but whose blocks were not: zeros.
    if (std::all_of(head->begin(), head->end(), [](char c) { return c == 0; })) return ZerosToTheEnd();
    absl::StatusOr<FrameHeader> header = DecodeFrameHeader(*head, version_);
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
    if (header.events == 0) return AfterIndex();
    if (plain->empty()) return AtFrame(absl::DataLossError("frame without events"));
    plain_ = *std::move(plain);
    header_ = header;
    events_read_ = 0;
    return true;
  }

  // Of no use on the way: only the footer may follow, then the end.
  absl::StatusOr<bool> AfterIndex() {
    absl::StatusOr<std::string> footer = Read(kIndexFooterBytes);
    if (!footer.ok()) return footer.status();
    if (footer->size() < kIndexFooterBytes) return Torn();
    if (!DecodeIndexFooter(*footer).ok()) return AtFrame(absl::DataLossError("damaged end of the index"));
    absl::StatusOr<std::string> more = Read(1);
    if (!more.ok()) return more.status();
    if (more->empty()) return false;
    return more->front() == 0 ? ZerosToTheEnd() : AtFrame(absl::DataLossError("bytes after the index"));
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

  absl::Status NextInFrame(Event& event) {
    const size_t left = plain_.size() - position_;
    const uint64_t size = left < 4 ? left : ReadLittleEndian(plain_, position_, 4);
    if (left < 4 || size > left - 4) return absl::DataLossError("an event is longer than its frame");
    absl::Status status = DecodeEventInto(std::string_view(plain_).substr(position_ + 4, size), event);
    position_ += 4 + size;
    if (!status.ok()) return status;
    if (++events_read_ == 1 && event.seq != header_.first_seq) {
      return absl::DataLossError(fmt::format("starts with event {} instead of {}", event.seq, header_.first_seq));
    }
    if (position_ == plain_.size() && events_read_ != header_.events) {
      return absl::DataLossError(fmt::format("holds {} events instead of {}", events_read_, header_.events));
    }
    return absl::OkStatus();
  }

  std::string path_;
  UniqueFd fd_;
  uint16_t version_ = kCaptureVersion;
  uint64_t size_ = 0;  // 0: no regular file
  std::optional<CaptureIndex> index_;
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
  absl::StatusOr<UniqueFd> fd = OpenFile(path);
  if (!fd.ok()) return fd.status();
  return Adopt(*std::move(fd), path);
}

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Adopt(UniqueFd fd, const std::string& path) {
  auto reader = std::make_unique<FileCaptureReader>(path, std::move(fd));
  if (absl::Status status = reader->ReadFileHeader(); !status.ok()) return status;
  return reader;
}

}  // namespace tensorwarden
