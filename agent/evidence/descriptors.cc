#include "agent/evidence/descriptors.h"

#include <dirent.h>
#include <fmt/format.h>
#include <limits.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxLinks = 4096;  // looked at; a server may have a million

std::string WithPort(const std::string& address, uint16_t port) {
  if (address.empty()) return "";
  const bool six = address.find(':') != std::string::npos;
  return six ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

const char* SocketType(uint8_t protocol) {
  if (protocol == IPPROTO_TCP) return "tcp";
  return protocol == IPPROTO_UDP ? "udp" : "socket";
}

const char* AccessText(uint32_t open_mode) {
  constexpr const char* kTexts[] = {"", "r", "w", "rw"};
  return kTexts[open_mode & 3];
}

void Refine(const HeldFile& file, HeldDescriptor& held) {
  held.access = AccessText(file.open_mode);
  if (file.object == EVENT_OBJECT_UNIX) held.type = "unix";
  if (file.object == EVENT_OBJECT_PIPE) held.type = "pipe";
  if (file.object != 0) return;
  held.type = SocketType(file.socket.protocol);
  held.local = WithPort(file.socket.local_address, file.socket.local_port);
  if (file.socket.peer_port != 0) held.peer = WithPort(file.socket.peer_address, file.socket.peer_port);
}

int Rank(const HeldDescriptor& held) {
  if (held.type == "tcp" || held.type == "udp") return 0;
  return held.type == "file" ? 1 : 2;
}

}  // namespace

HeldDescriptor DescribeLink(uint32_t fd, std::string_view target) {
  constexpr std::string_view kAnonymous = "anon_inode:";
  HeldDescriptor held{.fd = fd};
  if (target.starts_with('/')) {
    const bool device = target.starts_with("/dev/") && !target.starts_with("/dev/shm/");
    held.type = device ? "device" : "file";
    held.path = target;
    return held;
  }
  if (target.starts_with(kAnonymous)) {
    target.remove_prefix(kAnonymous.size());
    if (target.starts_with('[') && target.ends_with(']')) target = target.substr(1, target.size() - 2);
    held.type = target;
    return held;
  }
  held.type = target.substr(0, target.find(':'));
  return held;
}

DescriptorList MergeDescriptors(std::vector<HeldDescriptor> links, const std::vector<HeldFile>& files) {
  DescriptorList list;
  list.held = std::move(links);
  for (HeldDescriptor& held : list.held) {
    const auto file = std::find_if(files.begin(), files.end(), [&](const HeldFile& f) { return f.fd == held.fd; });
    if (file != files.end()) Refine(*file, held);
  }
  std::sort(list.held.begin(), list.held.end(), [](const HeldDescriptor& a, const HeldDescriptor& b) {
    return std::pair(Rank(a), a.fd) < std::pair(Rank(b), b.fd);
  });
  if (list.held.size() <= kMaxDescriptors) return list;
  list.more = list.held.size() - kMaxDescriptors;
  list.held.resize(kMaxDescriptors);
  return list;
}

DescriptorList ListDescriptors(const std::string& proc, uint32_t tgid, const std::vector<HeldFile>& files) {
  const std::string folder = fmt::format("{}/{}/fd", proc, tgid);
  const auto close = [](DIR* dir) { closedir(dir); };
  const std::unique_ptr<DIR, decltype(close)> dir(opendir(folder.c_str()), close);
  DescriptorList unread;
  unread.problem = fmt::format("descriptors: {}", strerror(errno));
  if (dir == nullptr) return unread;
  std::vector<HeldDescriptor> links;
  uint64_t beyond = 0;
  while (const dirent* entry = readdir(dir.get())) {
    uint32_t fd = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, fd).ptr != end) continue;  // "." and ".."
    char target[PATH_MAX];
    const ssize_t n =
        links.size() < kMaxLinks ? readlinkat(dirfd(dir.get()), entry->d_name, target, sizeof(target)) : 0;
    beyond += n == 0 ? 1 : 0;
    if (n > 0) links.push_back(DescribeLink(fd, {target, static_cast<size_t>(n)}));
  }
  DescriptorList list = MergeDescriptors(std::move(links), files);
  list.more += beyond;
  return list;
}

}  // namespace tensorwarden
