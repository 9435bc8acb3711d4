#include "agent/daemon/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace tensorwarden {

absl::StatusOr<UniqueFd> WatchSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return absl::ErrnoToStatus(errno, "signalfd");
  return fd;
}

SignalsSeen TakeSignals(int fd) {
  SignalsSeen seen;
  signalfd_siginfo info{};
  while (read(fd, &info, sizeof(info)) == sizeof(info)) {
    (info.ssi_signo == SIGHUP ? seen.reload : seen.stop) = true;
  }
  return seen;
}

}  // namespace tensorwarden
