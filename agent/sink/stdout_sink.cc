#include "agent/sink/stdout_sink.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tensorwarden {
namespace {

constexpr int kPatienceMs = 1000;

class StreamSink final : public Sink {
 public:
  StreamSink(int fd, AlertFormat format) : fd_(fd), format_(format) {}

  std::string_view Name() const override { return "stdout"; }

  absl::Status Deliver(const Alert& alert) override {
    // A reader must never take the rest of a line that broke off for the start of this one.
    std::string line = broken_line_ ? "\n" : "";
    line += EncodeAlert(alert, format_) + "\n";
    return Write(line);
  }

 private:
  absl::Status Write(std::string_view line) {
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t n = Ready() ? write(fd_, rest.data(), rest.size()) : -1;
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        broken_line_ = broken_line_ || rest.size() < line.size();
        return absl::UnavailableError(fmt::format("write to stdout: {}", strerror(errno)));
      }
      rest.remove_prefix(static_cast<size_t>(n));
    }
    broken_line_ = false;
    return absl::OkStatus();
  }

  // False with errno when the reader is behind for too long. A hang-up is ready: write() then says EPIPE.
  bool Ready() const {
    pollfd wait{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int n = poll(&wait, 1, kPatienceMs);
    if (n == 0) errno = ETIMEDOUT;
    return n > 0;
  }

  const int fd_;
  const AlertFormat format_;
  bool broken_line_ = false;
};

}  // namespace

std::unique_ptr<Sink> MakeStreamSink(int fd, AlertFormat format) { return std::make_unique<StreamSink>(fd, format); }

}  // namespace tensorwarden
