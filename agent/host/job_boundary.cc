#include "agent/host/job_boundary.h"

#include <algorithm>
#include <string_view>

namespace tensorwarden {
namespace {

// By comm, which the kernel cuts at 15 characters. Shells are not here: what one person types is one job.
constexpr std::string_view kManagers[] = {
    "systemd",
    "init",
    "sshd",
    "sshd-session",
    "cron",
    "crond",
    "atd",
    "anacron",
    "login",
    "agetty",
    "getty",
    "containerd-shim",
    "dockerd",
    "containerd",
    "conmon",
    "crio",
    "runc",
    "crun",
    "kubelet",
    "supervisord",
    "runsvdir",
    "s6-svscan",
    "tmux: server",
    "screen",
    "SCREEN",
    "lxc-start",
    "slurmstepd",
    "slurmd",
    "gnome-terminal-",
    "xinetd",
    "inetd",
    "openrc-run",
    "start-stop-daem",
};

}  // namespace

bool IsJobBoundary(const ProcessInfo& process) {
  if (process.key.tgid <= 2) return true;  // none, init, kthreadd
  const std::string_view comm = process.comm;
  if (comm.starts_with("containerd-shim")) return true;  // containerd-shim-runc-v2, cut short
  return std::find(std::begin(kManagers), std::end(kManagers), comm) != std::end(kManagers);
}

}  // namespace tensorwarden
