#include "agent/base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

namespace tensorwarden {
namespace {

absl::Status WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, fmt::format("write '{}'", path));
    text.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> OpenFile(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO would wait for a writer
  if (!fd) return absl::ErrnoToStatus(errno, fmt::format("open '{}'", path));
  struct stat st {};
  const bool is_file = fstat(fd.get(), &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode));  // /dev/null is one
  if (!is_file) return absl::FailedPreconditionError(fmt::format("'{}' is no regular file", path));
  return fd;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  absl::StatusOr<UniqueFd> opened = OpenFile(path);
  if (!opened.ok()) return opened.status();
  const UniqueFd fd = *std::move(opened);
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, fmt::format("read '{}'", path));
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > max_bytes) {
      return absl::ResourceExhaustedError(fmt::format("'{}' is longer than {} bytes", path, max_bytes));
    }
    text.append(buffer, static_cast<size_t>(n));
  }
}

absl::Status WriteFileAtomic(const std::string& path, std::string_view text, mode_t mode) {
  struct stat st {};
  if (lstat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode)) {
    return absl::FailedPreconditionError(fmt::format("'{}' is no regular file: it is not replaced", path));
  }
  const std::string temporary = path + ".tmp";
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return absl::ErrnoToStatus(errno, fmt::format("create '{}'", temporary));
  absl::Status status = WriteAll(fd.get(), text, temporary);
  if (status.ok() && fsync(fd.get()) != 0) status = absl::ErrnoToStatus(errno, fmt::format("fsync '{}'", temporary));
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, fmt::format("rename to '{}'", path));
  }
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return absl::ErrnoToStatus(errno, fmt::format("mkdir '{}'", part));
    }
    if (slash == std::string::npos) return absl::OkStatus();
  }
}

}  // namespace tensorwarden
