#include "agent/sensor/mount_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/clock.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxTableBytes = 64 << 20;  // 100 000 mounts, the kernel's limit, have about 20 MiB
constexpr uint64_t kHintAgeNs = 2'000'000'000;

}  // namespace

absl::StatusOr<std::unique_ptr<MountWatch>> MountWatch::Create(const NameBook& book, const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return absl::ErrnoToStatus(errno, fmt::format("open '{}'", path));
  auto watch = std::unique_ptr<MountWatch>(new MountWatch(book, std::move(fd)));
  for (const Mount& mount : watch->Read()) watch->known_.insert(mount.id);
  return watch;
}

std::vector<Mount> MountWatch::Read() const {
  std::string text;
  char buffer[65536];
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return {};
  for (ssize_t n = 1; n > 0 && text.size() < kMaxTableBytes;) {
    n = read(fd_.get(), buffer, sizeof(buffer));
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
  }
  return ParseMountinfo(text);
}

Origin MountWatch::Actor() const {
  Origin origin;
  origin.ktime_ns = BoottimeNs();
  return origin.ktime_ns - hint_.ktime_ns < kHintAgeNs ? hint_ : origin;
}

void MountWatch::Take(const Mount& mount, std::vector<Event>& events) const {
  for (const auto& [path, file] : book_.Named()) {
    if (path != mount.point && mount.point != "/" && !IsBelow(path, mount.point)) continue;
    const FileKey now = book_.KeyAt(path);
    if (now == file) continue;
    events.push_back(
        {.origin = Actor(), .body = FileName{.file = now, .replaced = file, .op = EVENT_NAME_MOUNT, .path = path}});
  }
}

void MountWatch::Drain(std::vector<Event>& events) {
  pollfd changed{.fd = fd_.get(), .events = POLLPRI, .revents = 0};
  if (poll(&changed, 1, 0) <= 0 || (changed.revents & POLLPRI) == 0) return;
  absl::flat_hash_set<int> now;
  for (const Mount& mount : Read()) {
    now.insert(mount.id);
    if (known_.contains(mount.id)) continue;
    events.push_back(
        {.origin = Actor(),
         .body = HostChange{
             .op = EVENT_HOST_MOUNT, .name = mount.point, .detail = fmt::format("{} {}", mount.type, mount.source)}});
    Take(mount, events);
  }
  known_ = std::move(now);
}

}  // namespace tensorwarden
