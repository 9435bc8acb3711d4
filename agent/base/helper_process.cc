#include "agent/base/helper_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "agent/base/unique_fd.h"

namespace tensorwarden {
namespace {

class SpawnAttributes {
 public:
  // The signals that the agent blocks are the helper's to die of.
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
  void Give(int ours, int theirs) { posix_spawn_file_actions_adddup2(&actions_, ours, theirs); }
  int Spawn(const std::string& program, pid_t& pid) {
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

std::string FindHelper(const std::string& name) {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
  const std::string self(path, n > 0 ? static_cast<size_t>(n) : 0);
  const std::string folder = self.substr(0, self.rfind('/') + 1);
  for (const char* place : {"", "../libexec/tensorwarden/"}) {
    std::string found = fmt::format("{}{}{}", folder, place, name);
    if (access(found.c_str(), X_OK) == 0) return found;
  }
  return "";
}

absl::StatusOr<pid_t> SpawnHelper(const std::string& program, std::span<const HelperFd> descriptors) {
  int above = 2;
  for (const HelperFd& fd : descriptors) above = std::max(above, fd.theirs);
  SpawnAttributes spawn;
  std::vector<UniqueFd> moved;  // out of the way of each other; dup2 onto itself would leave close-on-exec set
  for (const HelperFd& fd : descriptors) {
    moved.emplace_back(fcntl(fd.ours, F_DUPFD_CLOEXEC, above + 1));
    spawn.Give(moved.back().get(), fd.theirs);
  }
  pid_t pid = -1;
  const int error = spawn.Spawn(program, pid);
  if (error != 0) return absl::UnavailableError(fmt::format("start '{}': {}", program, strerror(error)));
  return pid;
}

}  // namespace tensorwarden
