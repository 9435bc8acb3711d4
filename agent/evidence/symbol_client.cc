#include "agent/evidence/symbol_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/base/framed_pipe.h"

namespace tensorwarden {
namespace {

constexpr int kHelperPipe = 3;  // the descriptor that the helper speaks over
constexpr uint64_t kMaxDoublings = 16;

// The signals that the agent blocks are the helper's to die of.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions_);
    for (const int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0);
  }
  ~SpawnAttributes() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  int Spawn(const std::string& program, int pipe, pid_t& pid) {
    posix_spawn_file_actions_adddup2(&actions_, pipe, kHelperPipe);
    std::string name = program;
    char* arguments[] = {name.data(), nullptr};
    char* environment[] = {nullptr};
    return posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments, environment);
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

}  // namespace

absl::Status SymbolClient::Start() {
  absl::StatusOr<std::pair<UniqueFd, UniqueFd>> ends = MakeFramedPipe();
  if (!ends.ok()) return ends.status();
  // dup2 onto itself would leave close-on-exec set.
  const UniqueFd moved(fcntl(ends->second.get(), F_DUPFD_CLOEXEC, kHelperPipe + 1));
  SpawnAttributes spawn;
  const int error = spawn.Spawn(config_.program, moved.get(), pid_);
  if (error != 0) {
    pid_ = -1;
    return absl::UnavailableError(fmt::format("start '{}': {}", config_.program, strerror(error)));
  }
  pipe_ = std::move(ends->first);
  ++stats_.started;
  return absl::OkStatus();
}

void SymbolClient::Reap() {
  std::erase_if(killed_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

void SymbolClient::Stop() {
  pipe_ = UniqueFd();
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    killed_.push_back(pid_);
  }
  pid_ = -1;
  Reap();
}

absl::Status SymbolClient::Fail(const absl::Status& why) {
  Stop();
  ++stats_.failed;
  const int64_t factor = int64_t{1} << std::min(failures_++, kMaxDoublings);
  not_before_ = absl::Now() + std::min(config_.first_back_off * factor, config_.last_back_off);
  return absl::UnavailableError(why.message());
}

// An answer to an earlier question cannot come: after each failure there is another helper.
absl::StatusOr<SymbolReply> SymbolClient::Exchange(const SymbolRequest& request, std::span<const int> files) {
  const uint64_t id = next_id_++;
  if (absl::Status status = SendFrame(pipe_.get(), id, EncodeRequest(request), files); !status.ok()) return status;
  const absl::Time deadline = absl::Now() + config_.timeout;
  for (;;) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left_ms <= 0) return absl::DeadlineExceededError("the symbol helper is late");
    absl::StatusOr<std::optional<PipeFrame>> frame = ReceiveFrame(pipe_.get(), static_cast<int>(left_ms));
    if (!frame.ok()) return frame.status();
    if (!*frame) continue;
    if ((*frame)->id != id) return absl::DataLossError("the symbol helper answers another question");
    absl::StatusOr<SymbolReply> reply = DecodeReply((*frame)->payload);
    if (reply.ok() && reply->size() != request.frames.size())
      return absl::DataLossError("the symbol helper answers for another number of frames");
    return reply;
  }
}

absl::StatusOr<SymbolReply> SymbolClient::Ask(const SymbolRequest& request, std::span<const int> files) {
  Reap();
  if (config_.program.empty()) return absl::NotFoundError("tensorwarden-symbols is not installed");
  if (absl::Now() < not_before_) return absl::UnavailableError("the symbol helper failed and waits to be tried again");
  if (pid_ < 0) {
    if (absl::Status status = Start(); !status.ok()) return Fail(status);
  }
  absl::StatusOr<SymbolReply> reply = Exchange(request, files);
  if (!reply.ok()) return Fail(reply.status());
  failures_ = 0;
  ++stats_.answered;
  return reply;
}

std::string FindSymbolHelper() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
  const std::string self(path, n > 0 ? static_cast<size_t>(n) : 0);
  const std::string folder = self.substr(0, self.rfind('/') + 1);
  for (const char* place : {"tensorwarden-symbols", "../libexec/tensorwarden/tensorwarden-symbols"}) {
    if (std::string found = folder + place; access(found.c_str(), X_OK) == 0) return found;
  }
  return "";
}

}  // namespace tensorwarden
