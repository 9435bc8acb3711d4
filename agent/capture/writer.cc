#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/unique_fd.h"
#include "agent/capture/capture.h"
#include "agent/capture/frame_builder.h"
#include "agent/capture/index.h"

namespace tensorwarden {
namespace {

class FileCaptureWriter final : public CaptureWriter {
 public:
  FileCaptureWriter(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  ~FileCaptureWriter() override { (void)Close(); }

  absl::Status Append(const Event& event) override {
    if (!broken_.ok()) return broken_;
    absl::Status added = builder_.Add(event);
    if (absl::IsResourceExhausted(added)) {
      if (absl::Status status = Flush(); !status.ok()) return status;
      added = builder_.Add(event);
    }
    if (!added.ok() || !builder_.Full()) return added;
    return Flush();
  }

  absl::Status Flush() override {
    if (!broken_.ok() || builder_.Empty()) return broken_;
    FrameHeader header;
    absl::StatusOr<std::string> frame = builder_.Finish(header);
    if (!frame.ok()) return broken_ = frame.status();
    return WriteFrame(*frame, header);
  }

  absl::Status AppendFrame(const std::string& frame) override {
    if (absl::Status status = Flush(); !status.ok()) return status;
    const absl::StatusOr<FrameHeader> header =
        DecodeFrameHeader(std::string_view(frame).substr(0, kFrameHeaderBytes), kCaptureVersion);
    return header.ok() ? WriteFrame(frame, *header) : header.status();
  }

  absl::Status Close() override {
    if (!fd_) return broken_;
    absl::Status status = Flush();
    if (status.ok()) status = WriteIndex();
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
  absl::Status WriteFrame(const std::string& frame, const FrameHeader& header) {
    const uint64_t offset = static_cast<uint64_t>(written_);
    broken_ = Write(frame);
    if (broken_.ok()) index_.Add(offset, header);
    return broken_;
  }

  absl::Status WriteIndex() {
    absl::StatusOr<std::string> index = index_.Encode(static_cast<uint64_t>(written_));
    return index.ok() ? Write(*index) : index.status();
  }

  absl::Status CutBack(int error) {
    const bool cut = ftruncate(fd_.get(), written_) == 0;
    return absl::ErrnoToStatus(error,
                               fmt::format("write capture '{}'{}", path_, cut ? "" : " (its last frame is torn)"));
  }

  std::string path_;
  UniqueFd fd_;
  off_t written_ = 0;
  FrameBuilder builder_;
  CaptureIndex index_;
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
