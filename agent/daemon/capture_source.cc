#include "agent/daemon/capture_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "agent/base/files.h"
#include "agent/base/helper_process.h"
#include "agent/base/unique_fd.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxWords = 1024;

bool IsScap(std::string_view head) {
  constexpr std::string_view kSectionHeader = "\n\r\r\n";  // of pcap-ng, whose blocks it uses
  constexpr std::string_view kGzip = "\x1f\x8b";
  return head.starts_with(kSectionHeader) || head.starts_with(kGzip);
}

// What a helper makes of another tool's capture, as it makes it.
class ConvertedCapture final : public CaptureReader {
 public:
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Start(UniqueFd file, const std::string& path) {
    const std::string program = FindHelper("tensorwarden-scap");
    if (program.empty()) {
      return absl::NotFoundError(fmt::format(
          "'{}' is a Sysdig or Falco capture; tensorwarden-scap, which reads those, is not installed", path));
    }
    auto capture = std::unique_ptr<ConvertedCapture>(new ConvertedCapture(path));
    int events[2];
    int words[2];
    if (pipe2(events, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
    UniqueFd from(events[0]), into(events[1]);
    if (pipe2(words, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
    capture->words_ = UniqueFd(words[0]);
    const UniqueFd speak(words[1]);
    const HelperFd descriptors[] = {{file.get(), 0}, {into.get(), 1}, {speak.get(), 2}};
    absl::StatusOr<pid_t> pid = SpawnHelper(program, descriptors);
    if (!pid.ok()) return pid.status();
    capture->pid_ = *pid;
    capture->from_ = std::move(from);
    return capture;
  }
  ~ConvertedCapture() override {
    reader_.reset();
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  absl::StatusOr<bool> Next(Event& event) override {
    if (reader_ == nullptr) {
      // A helper that fails at once writes no header.
      absl::StatusOr<std::unique_ptr<CaptureReader>> reader = Adopt(std::move(from_), path_);
      if (!reader.ok()) return Ended(reader.status());
      reader_ = *std::move(reader);
    }
    absl::StatusOr<bool> more = reader_->Next(event);
    return more.ok() && *more ? more : Ended(more.status());
  }
  bool TornTail() const override { return reader_ != nullptr && reader_->TornTail(); }
  absl::StatusOr<CaptureExtent> Extent() override { return NoTimes(); }
  absl::Status SeekTime(uint64_t) override { return NoTimes(); }
  double Share() const override { return -1; }

 private:
  explicit ConvertedCapture(std::string path) : path_(std::move(path)) {}

  absl::Status NoTimes() const {
    return absl::FailedPreconditionError(
        fmt::format("'{}': a Sysdig or Falco capture cannot be searched: leave out --skip", path_));
  }

  absl::StatusOr<bool> Ended(const absl::Status& why) {
    if (pid_ < 0) return why.ok() ? absl::StatusOr<bool>(false) : why;
    std::string words(kMaxWords, '\0');
    const ssize_t n = read(words_.get(), words.data(), words.size());
    words.resize(n > 0 ? static_cast<size_t>(n) : 0);
    words = words.substr(0, words.find('\n'));
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return why.ok() ? absl::StatusOr<bool>(false) : why;
    if (words.empty() && WIFSIGNALED(status)) words = fmt::format("the reader died of signal {}", WTERMSIG(status));
    return absl::DataLossError(fmt::format("'{}' as a Sysdig or Falco capture: {}", path_, words));
  }

  const std::string path_;
  pid_t pid_ = -1;
  UniqueFd from_;   // events
  UniqueFd words_;  // what the helper says when it fails
  std::unique_ptr<CaptureReader> reader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureReader>> OpenCapture(const std::string& path) {
  absl::StatusOr<UniqueFd> file = OpenFile(path);
  if (!file.ok()) return file.status();
  char head[4];
  const ssize_t n = pread(file->get(), head, sizeof(head), 0);
  if (n > 0 && IsScap({head, static_cast<size_t>(n)})) return ConvertedCapture::Start(*std::move(file), path);
  return CaptureReader::Adopt(*std::move(file), path);
}

}  // namespace tensorwarden
