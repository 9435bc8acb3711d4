#include "agent/sensor/mount_names.h"

#include <fmt/format.h>

#include <utility>

#include "agent/base/files.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxTableBytes = 64 << 20;
constexpr size_t kMaxNames = 4096;                 // beyond it all are looked for anew
constexpr uint64_t kLookAgainNs = 10'000'000'000;  // numbers of file systems without a device are given out again

}  // namespace

bool MountNames::Find(const std::string& process, uint64_t device, Mount& mount) const {
  const absl::StatusOr<std::string> text = ReadFile(fmt::format("{}/{}/mountinfo", proc_, process), kMaxTableBytes);
  if (!text.ok()) return false;
  for (Mount& one : ParseMountinfo(*text)) {
    if (one.device != device) continue;
    mount = std::move(one);
    return true;
  }
  return false;
}

void MountNames::Complete(const ProcessKey& writer, uint64_t now_ns, Egress& egress) {
  if (egress.socket.family != EVENT_FAMILY_MOUNT) return;
  const uint64_t device = egress.cookie & ~EVENT_MOUNT_COOKIE;
  if (names_.size() >= kMaxNames && !names_.contains(device)) names_.clear();
  Named& named = names_[device];
  if (named.looked_ns == 0 || now_ns - named.looked_ns >= kLookAgainNs) {
    named.looked_ns = now_ns;
    if (!Find(fmt::format("{}", writer.tgid), device, named.mount)) Find("self", device, named.mount);
  }
  if (named.mount.type.empty()) return;
  egress.socket.peer_address = named.mount.source;
  egress.socket.local_address = named.mount.type;
}

}  // namespace tensorwarden
