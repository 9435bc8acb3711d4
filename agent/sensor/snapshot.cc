#include "agent/sensor/snapshot.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <limits.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/event/socket_text.h"
#include "agent/sensor/iterators.h"
#include "bpf/abi/state.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxArgsBytes = EVENT_ARGS_MAX;
constexpr uint32_t kTcpListen = 10;
constexpr uint32_t kModeRead = 1;
constexpr uint32_t kCharacterDevice = 2;  // BPF_DEVCG_DEV_CHAR

Event At(uint64_t now_ns, const ProcessKey& process, EventBody body) {
  Event event;
  event.origin.ktime_ns = now_ns;
  event.origin.process = process;
  event.body = std::move(body);
  return event;
}

std::string ReadLink(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t n = readlink(path.c_str(), text, sizeof(text));
  std::string target = n <= 0 ? "" : std::string(text, static_cast<size_t>(n));
  if (constexpr std::string_view kDeleted = " (deleted)"; target.ends_with(kDeleted))
    target.resize(target.size() - kDeleted.size());
  return target;
}

// As many whole bytes as an exec record would carry.
std::vector<std::string> ReadArgs(uint32_t tgid) {
  absl::StatusOr<std::string> text = ReadFile(fmt::format("/proc/{}/cmdline", tgid), 1 << 22);
  std::vector<std::string> args;
  if (!text.ok()) return args;
  text->resize(std::min(text->size(), kMaxArgsBytes));
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\0', at), text->size());
    args.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return args;
}

// Position of a descriptor: how far it has read, when it reads from start to end.
uint64_t Position(uint32_t tgid, uint32_t fd) {
  const absl::StatusOr<std::string> text = ReadFile(fmt::format("/proc/{}/fdinfo/{}", tgid, fd), 1 << 16);
  uint64_t position = 0;
  if (!text.ok() || !text->starts_with("pos:\t")) return 0;
  std::from_chars(text->data() + 5, text->data() + text->size(), position);
  return position;
}

// Bytes that a process ever read by calls of the read family and sendfile, of whatever file.
uint64_t BytesRead(uint32_t tgid) {
  constexpr std::string_view kName = "rchar: ";
  const absl::StatusOr<std::string> text = ReadFile(fmt::format("/proc/{}/io", tgid), 1 << 16);
  uint64_t bytes = 0;
  if (text.ok() && text->starts_with(kName))
    std::from_chars(text->data() + kName.size(), text->data() + text->size(), bytes);
  return bytes;
}

}  // namespace

absl::Status Snapshot::ListProcesses(std::vector<Event>& events) {
  const uint64_t now_ns = BoottimeNs();
  return ForEachRecord<holder_task_record>(probes_.Chosen("list_tasks"), 0, [&](const holder_task_record& task) {
    const ProcessKey process = FromWire(task.process);
    starts_.Started(process);
    const std::string proc = fmt::format("/proc/{}", process.tgid);
    ProcessExec exec{.parent = FromWire(task.parent),
                     .exe = FromWire(task.exe),
                     .uid = task.uid,
                     .gid = task.gid,
                     .login_uid = task.loginuid,
                     .mnt_ns = task.mnt_ns,
                     .pid_ns = task.pid_ns,
                     .comm = std::string(task.comm, strnlen(task.comm, sizeof(task.comm))),
                     .path = task.kernel_thread != 0 ? "" : ReadLink(proc + "/exe"),
                     .cwd = task.kernel_thread != 0 ? "" : ReadLink(proc + "/cwd"),
                     .args = ReadArgs(process.tgid),
                     .cgroup = cgroups_.Find(task.cgroup_id)};
    events.push_back(At(now_ns, process, ProcessSnapshot{std::move(exec)}));
    events.back().origin.cgroup_id = task.cgroup_id;
    if (task.user_mounts != 0) events.back().origin.flags |= EVENT_F_USER_MOUNTS;
  });
}

void Snapshot::Hold(const ProcessKey& process, const AssetHeld& held, uint64_t volume, std::vector<Event>& events) {
  const uint64_t now_ns = BoottimeNs();
  events.push_back(At(now_ns, process, held));
  const uint64_t labels = maps_.Labels(held.file);
  if (volume == 0 || labels == 0) return;
  LabelHolder holder{.process = process, .object = EVENT_OBJECT_PROCESS, .labels = labels};
  for (uint32_t bit = 0; bit < LABEL_COUNT; ++bit)
    if ((labels >> bit & 1) != 0) holder.volumes.emplace_back(bit, volume);
  if (!maps_.RestoreHolder(holder).ok()) return;  // ended meanwhile
  events.push_back(At(now_ns, process,
                      LabelMove{.source = held.file,
                                .labels = labels,
                                .volume = volume,
                                .source_object = EVENT_OBJECT_FILE,
                                .target_object = EVENT_OBJECT_PROCESS}));
}

// Once for each process and node, as if it had been opened now.
void Snapshot::TakeDevice(const holder_file_record& file, uint64_t now_ns, absl::flat_hash_set<HeldDevice>& known,
                          std::vector<Event>& events) {
  constexpr uint32_t kMinorBits = 20;
  const ProcessKey process = FromWire(file.process);
  if (!known.emplace(process, file.size).second) return;
  const auto number = static_cast<uint32_t>(file.size);
  events.push_back(At(now_ns, process,
                      DeviceOpen{.major = number >> kMinorBits,
                                 .minor = number & ((1u << kMinorBits) - 1),
                                 .access = file.open_mode << 1,  // read 2, write 4
                                 .type = kCharacterDevice}));
}

absl::Status Snapshot::ListFiles(std::vector<Event>& events) {
  struct Held {
    ProcessKey process;
    AssetHeld held;
    uint64_t position = 0;
  };
  std::vector<Held> found;
  absl::flat_hash_set<HeldDevice> devices;
  const uint64_t now_ns = BoottimeNs();
  const uint32_t self = static_cast<uint32_t>(getpid());
  absl::Status status =
      ForEachRecord<holder_file_record>(probes_.Chosen("list_files"), 0, [&](const holder_file_record& file) {
        if (file.process.tgid == self) return;
        if (file.sock_state == kTcpListen && file.sock.protocol == IPPROTO_TCP) {
          maps_.SetListening(file.sock.local_port);
          events.push_back(At(now_ns, FromWire(file.process), Listener{ToTuple(file.sock)}));
        }
        if (file.object == EVENT_OBJECT_DEVICE) return TakeDevice(file, now_ns, devices, events);
        if ((file.open_mode & kModeRead) == 0 || !maps_.IsWatched(FromWire(file.file))) return;
        found.push_back({FromWire(file.process), AssetHeld{.file = FromWire(file.file)},
                         std::min<uint64_t>(Position(file.process.tgid, file.fd), file.size)});
      });
  for (const Held& held : found) Hold(held.process, held.held, held.position, events);
  return status;
}

absl::Status Snapshot::ListMappings(uint32_t tgid, std::vector<Event>& events) {
  struct Mapped {
    uint64_t length = 0;
    uint64_t size = 0;
  };
  absl::flat_hash_map<std::pair<ProcessKey, FileKey>, Mapped> mapped;
  const uint32_t self = static_cast<uint32_t>(getpid());
  absl::Status status =
      ForEachRecord<holder_map_record>(probes_.Chosen("list_maps"), tgid, [&](const holder_map_record& map) {
        if (map.process.tgid == self || !maps_.IsWatched(FromWire(map.file))) return;
        Mapped& entry = mapped[{FromWire(map.process), FromWire(map.file)}];
        entry.length += map.length;
        entry.size = map.size;
      });
  for (const auto& [key, entry] : mapped) {
    if (tgid != 0 && maps_.Carries(key.first, maps_.Labels(key.second))) continue;
    Hold(key.first, AssetHeld{.file = key.second, .mapped = true, .bytes = entry.length},
         std::min(entry.length, entry.size), events);
  }
  return status;
}

absl::Status Snapshot::TakeReads(const ProcessKey& process, const FileKey& file, uint64_t size,
                                 std::vector<Event>& events) {
  uint64_t position = 0;
  absl::Status status = ForEachRecord<holder_file_record>(
      probes_.Chosen("list_files"), process.tgid, [&](const holder_file_record& record) {
        if (FromWire(record.file) != file || (record.open_mode & kModeRead) == 0) return;
        position = std::max(position, Position(process.tgid, record.fd));
      });
  const uint64_t bytes = std::min(position > 0 ? position : BytesRead(process.tgid), size);
  if (bytes > 0) Hold(process, AssetHeld{.file = file}, bytes, events);
  return status;
}

absl::Status Snapshot::TakeMappings(uint32_t tgid, std::vector<Event>& events) { return ListMappings(tgid, events); }

absl::Status Snapshot::Take(std::vector<Event>& events) {
  if (absl::Status status = ListProcesses(events); !status.ok()) return status;
  if (absl::Status status = ListFiles(events); !status.ok()) return status;
  return ListMappings(0, events);
}

}  // namespace tensorwarden
