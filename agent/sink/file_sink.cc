#include "agent/sink/file_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "agent/base/unique_fd.h"

namespace tensorwarden {
namespace {

class FileSink final : public Sink {
 public:
  explicit FileSink(SinkConfig config) : config_(std::move(config)), name_("file " + config_.path) {}

  std::string_view Name() const override { return name_; }

  absl::Status Deliver(const Alert& alert) override {
    const absl::Status status = Append(EncodeAlert(alert, config_.format) + "\n");
    return status.ok() ? status : absl::UnavailableError(std::string(status.message()));
  }

  absl::Status Open() {
    // Nothing that blocks (a FIFO without a reader) may hold the agent.
    UniqueFd fd(open(config_.path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640));
    if (!fd) return Errno("open");
    struct stat st {};
    if (fstat(fd.get(), &st) != 0) return Errno("stat");
    if (!S_ISREG(st.st_mode)) {
      return absl::InvalidArgumentError(fmt::format("output '{}' is no regular file", config_.path));
    }
    fd_ = std::move(fd);
    device_ = st.st_dev;
    inode_ = st.st_ino;
    size_ = static_cast<uint64_t>(st.st_size);
    return EndBrokenLine();
  }

 private:
  absl::Status Errno(const char* what) const {
    return absl::ErrnoToStatus(errno, fmt::format("{} output '{}'", what, config_.path));
  }

  // A host that crashed may have left half a line.
  absl::Status EndBrokenLine() {
    char last = '\n';
    if (size_ > 0 && pread(fd_.get(), &last, 1, static_cast<off_t>(size_ - 1)) < 0) return Errno("read");
    return last == '\n' ? absl::OkStatus() : WriteWhole("\n");
  }

  absl::Status Append(std::string_view line) {
    if (!StillThere()) {
      if (absl::Status status = Open(); !status.ok()) return status;
    }
    if (size_ > 0 && size_ + line.size() > config_.max_bytes) {
      if (absl::Status status = Rotate(); !status.ok()) return status;
    }
    return WriteWhole(line);
  }

  bool StillThere() const {
    struct stat st {};
    return fd_ && stat(config_.path.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_;
  }

  absl::Status WriteWhole(std::string_view line) {
    ssize_t n = 0;
    do {
      n = write(fd_.get(), line.data(), line.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) return Errno("write");
    if (static_cast<size_t>(n) == line.size()) {
      size_ += line.size();
      return absl::OkStatus();
    }
    // No room for all of it. If even taking it back fails, the next Open() ends the half line.
    if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) fd_ = UniqueFd();
    errno = ENOSPC;
    return Errno("write");
  }

  // path -> path.1 -> path.2 ... path.keep; what was path.keep goes. Missing ones are no error.
  absl::Status Rotate() {
    for (int i = config_.keep; i > 1; --i) {
      const std::string from = fmt::format("{}.{}", config_.path, i - 1), to = fmt::format("{}.{}", config_.path, i);
      if (rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return Errno("rotate");
    }
    const int done =
        config_.keep > 0 ? rename(config_.path.c_str(), (config_.path + ".1").c_str()) : unlink(config_.path.c_str());
    return done == 0 ? Open() : Errno("rotate");
  }

  const SinkConfig config_;
  const std::string name_;
  UniqueFd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  uint64_t size_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> CreateFileSink(const SinkConfig& config) {
  if (config.path.empty()) return absl::InvalidArgumentError("an output of type file needs a path");
  auto sink = std::make_unique<FileSink>(config);
  if (absl::Status status = sink->Open(); !status.ok()) return status;
  return sink;
}

}  // namespace tensorwarden
