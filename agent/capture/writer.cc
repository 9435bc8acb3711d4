#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "agent/base/unique_fd.h"
#include "agent/capture/capture.h"
#include "agent/capture/codec.h"
#include "agent/capture/frame.h"

namespace tensorwarden {
namespace {

constexpr size_t kFlushBytes = 1 << 20;  // a frame's usual size, before compression, on a busy host

class FileCaptureWriter final : public CaptureWriter {
 public:
  FileCaptureWriter(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  ~FileCaptureWriter() override { (void)Close(); }

  absl::Status Append(const Event& event) override {
    if (!broken_.ok()) return broken_;
    bytes_.clear();
    AppendEvent(event, bytes_);
    const std::string& bytes = bytes_;
    if (bytes.size() + 4 > kMaxFrameBytes) {
      return absl::InvalidArgumentError(fmt::format("{} event {} of {} bytes does not fit a capture",
                                                    EventKindName(event.body), event.seq, bytes.size()));
    }
    if (plain_.size() + bytes.size() + 4 > kMaxFrameBytes) {
      if (absl::Status status = Flush(); !status.ok()) return status;
    }
    if (events_++ == 0) first_seq_ = event.seq;
    AppendLittleEndian(plain_, bytes.size(), 4);
    plain_ += bytes;
    return plain_.size() < kFlushBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() override {
    if (!broken_.ok() || events_ == 0) return broken_;
    absl::StatusOr<std::string> payload = CompressPayload(plain_);
    if (!payload.ok()) return broken_ = payload.status();
    if (payload->size() > kMaxFrameBytes) return broken_ = absl::InternalError("a frame grew past its bound");
    const FrameHeader header{.payload_bytes = static_cast<uint32_t>(payload->size()),
                             .events = events_,
                             .first_seq = first_seq_,
                             .payload_hash = FrameHash(*payload)};
    events_ = 0;
    plain_.clear();
    return broken_ = Write(EncodeFrameHeader(header) + *payload);
  }

  absl::Status Close() override {
    if (!fd_) return broken_;
    absl::Status status = Flush();
    fd_ = UniqueFd();
    if (broken_.ok()) broken_ = absl::FailedPreconditionError(fmt::format("capture '{}' is closed", path_));
    return status;
  }

  // Writes all, or cuts the file back to what it was, so that the frames before stay readable.
  absl::Status Write(std::string_view bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = write(fd_.get(), bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return CutBack(n < 0 ? errno : EIO);
      done += static_cast<size_t>(n);
    }
    written_ += static_cast<off_t>(done);
    return absl::OkStatus();
  }

 private:
  absl::Status CutBack(int error) {
    const bool cut = ftruncate(fd_.get(), written_) == 0;
    return absl::ErrnoToStatus(error,
                               fmt::format("write capture '{}'{}", path_, cut ? "" : " (its last frame is torn)"));
  }

  std::string path_;
  UniqueFd fd_;
  off_t written_ = 0;
  std::string bytes_;  // of one event; kept for what it has allocated
  std::string plain_;  // length-prefixed events of the next frame, at most kMaxFrameBytes
  uint32_t events_ = 0;
  uint64_t first_seq_ = 0;
  absl::Status broken_;  // once not OK, the answer to everything
};

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureWriter>> CaptureWriter::Create(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return absl::ErrnoToStatus(errno, fmt::format("create capture '{}'", path));
  struct stat st {};
  // A file that was there before may be readable by others. A pipe or device keeps its mode.
  if (fstat(fd.get(), &st) == 0 && S_ISREG(st.st_mode)) fchmod(fd.get(), 0600);
  auto writer = std::make_unique<FileCaptureWriter>(path, std::move(fd));
  if (absl::Status status = writer->Write(EncodeFileHeader()); !status.ok()) return status;
  return writer;
}

}  // namespace tensorwarden
