#include "agent/base/framed_pipe.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "agent/base/bytes.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kMagic = 0x31454d4152465754;  // "TWFRAME1"
constexpr size_t kHeadBytes = 16;

// Room for the descriptors of one frame, aligned as the kernel wants it.
union Control {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * kMaxPipeFrameFds)];
};

void PutFds(msghdr& message, Control& control, std::span<const int> fds) {
  if (fds.empty()) return;
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
}

std::vector<UniqueFd> TakeFds(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakeFramedPipe() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return absl::ErrnoToStatus(errno, "socketpair");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

std::string EncodePipeFrame(uint64_t id, std::string_view payload) {
  ByteWriter head;
  head.Number(kMagic);
  head.Number(id);
  return head.Take().append(payload);
}

absl::StatusOr<PipeFrame> DecodePipeFrame(std::string_view bytes) {
  ByteReader head(bytes.substr(0, kHeadBytes));
  const bool known = head.Number() == kMagic;
  const uint64_t id = head.Number();
  if (!known || !head.ok() || bytes.size() > kMaxPipeFrameBytes)
    return absl::DataLossError(fmt::format("{} bytes are no frame", bytes.size()));
  return PipeFrame{.id = id, .payload = std::string(bytes.substr(kHeadBytes)), .fds = {}};
}

absl::Status SendFrame(int pipe, uint64_t id, std::string_view payload, std::span<const int> fds) {
  std::string bytes = EncodePipeFrame(id, payload);
  if (bytes.size() > kMaxPipeFrameBytes || fds.size() > kMaxPipeFrameFds)
    return absl::InvalidArgumentError(fmt::format("{} bytes and {} files are no frame", bytes.size(), fds.size()));
  iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  PutFds(message, control, fds);
  ssize_t n;
  do n = sendmsg(pipe, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n >= 0 ? absl::OkStatus() : absl::UnavailableError(fmt::format("send a frame: {}", strerror(errno)));
}

absl::StatusOr<std::optional<PipeFrame>> ReceiveFrame(int pipe, int timeout_ms) {
  pollfd wait{.fd = pipe, .events = POLLIN, .revents = 0};
  const int ready = poll(&wait, 1, timeout_ms);
  if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "poll a framed pipe");
  if (ready <= 0) return std::nullopt;
  std::string bytes(kMaxPipeFrameBytes, '\0');
  iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  const ssize_t n = recvmsg(pipe, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (n <= 0) return absl::OutOfRangeError("the other end is gone");
  std::vector<UniqueFd> fds = TakeFds(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return absl::DataLossError("a frame above the bound");
  absl::StatusOr<PipeFrame> frame = DecodePipeFrame(std::string_view(bytes).substr(0, static_cast<size_t>(n)));
  if (!frame.ok()) return frame.status();
  frame->fds = std::move(fds);
  return std::optional<PipeFrame>(*std::move(frame));
}

}  // namespace tensorwarden
