#include "agent/enrich/call_arguments.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "agent/enrich/fields.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kExec = kKinds<ProcessExec>;
constexpr KindSet kSocket = kKinds<SocketState>;

constexpr CallArgumentName kNames[] = {
    {"name", kKinds<FileOpen, FileName, FileChange>},
    {"path", kKinds<FileOpen, FileName, FileChange, ProcessExec>},
    {"filename", kKinds<FileChange, ProcessExec>},
    {"oldpath", kKinds<FileName>},
    {"newpath", kKinds<FileName>},
    {"flags", kKinds<FileOpen, ProcessExec>},
    {"mode", kKinds<FileOpen>},
    {"exe", kExec},
    {"args", kExec},
    {"comm", kExec},
    {"cwd", kExec},
    {"uid", kExec},
    {"gid", kExec},
    {"loginuid", kExec},
    {"pid", kExec},
    {"exe_ino", kExec},
    {"cgroups", kExec},
    {"addr", kSocket},
    {"tuple", kSocket},
    {"status", kKinds<ProcessExit>},
    {"res", kKinds<FileName, FileChange, ProcessExec, SocketState>},
};

struct FlagName {
  uint32_t bits;
  std::string_view name;
};

constexpr FlagName kOpenFlags[] = {
    {O_CREAT, "O_CREAT"},
    {O_APPEND, "O_APPEND"},
    {O_DSYNC, "O_DSYNC"},
    {O_EXCL, "O_EXCL"},
    {O_NONBLOCK, "O_NONBLOCK"},
    {O_TRUNC, "O_TRUNC"},
    {O_DIRECT, "O_DIRECT"},
    {O_DIRECTORY, "O_DIRECTORY"},
    {O_CLOEXEC, "O_CLOEXEC"},
    {O_NOFOLLOW, "O_NOFOLLOW"},
    {O_PATH, "O_PATH"},
    {O_NOATIME, "O_NOATIME"},
    {O_TMPFILE & ~O_DIRECTORY, "O_TMPFILE"},
};

FieldValue OpenFlags(const FileOpen& open, FieldScratch& scratch) {
  const uint32_t access = open.open_flags & O_ACCMODE;
  std::string text = access == O_RDONLY ? "O_RDONLY" : access == O_WRONLY ? "O_WRONLY" : "O_RDWR";
  for (const FlagName& flag : kOpenFlags) {
    if ((open.open_flags & flag.bits) == flag.bits) text += fmt::format("|{}", flag.name);
  }
  // The kernel keeps no O_CREAT in a file's flags; that it was created is known by other means.
  if (open.created && (open.open_flags & O_CREAT) == 0) text += "|O_CREAT";
  if (open.created) text += "|O_F_CREATED";
  return scratch.Keep(text);
}

FieldValue OfOpen(const FileOpen& open, std::string_view name, FieldScratch& scratch) {
  if (name == "name" || name == "path") return Known(open.path);
  if (name == "flags") return OpenFlags(open, scratch);
  if (name == "mode") return scratch.Keep(fmt::format("{:04o}", open.mode & ALLPERMS));
  return {};
}

FieldValue OfName(const FileName& event, std::string_view name) {
  const bool two = event.op == EVENT_NAME_RENAME || event.op == EVENT_NAME_LINK;
  if (name == "oldpath") return two ? Known(event.old_path) : FieldValue();
  if (name == "newpath") return two ? Known(event.path) : FieldValue();
  if (name == "path" || name == "name") return two ? FieldValue() : Known(event.path);
  if (name == "res") return std::string_view("0");
  return {};
}

FieldValue OfChange(const EnrichedEvent& e, const FileChange& change, std::string_view name) {
  const bool plain = change.change == EVENT_CHANGE_TRUNCATE || change.change == EVENT_CHANGE_ATTRIBUTE;
  if (!plain) return {};
  if (name == "res") return std::string_view("0");
  const bool is_path = name == "path" || name == "name" || name == "filename";
  return is_path && e.asset != nullptr ? Known(e.asset->path) : FieldValue();
}

FieldValue Joined(const std::vector<std::string>& args, FieldScratch& scratch) {
  if (args.size() < 2) return {};
  return scratch.Keep(fmt::format("{}", fmt::join(args.begin() + 1, args.end(), " ")));
}

FieldValue Decimal(uint64_t value, FieldScratch& scratch) { return scratch.Keep(fmt::format("{}", value)); }

FieldValue OfExec(const EnrichedEvent& e, const ProcessExec& exec, std::string_view name, FieldScratch& scratch) {
  if (name == "exe") return exec.args.empty() ? Known(exec.path) : Known(exec.args.front());
  if (name == "filename" || name == "path") return Known(exec.path);
  if (name == "args") return Joined(exec.args, scratch);
  if (name == "comm") return Known(exec.comm);
  if (name == "cwd") return Known(exec.cwd);
  if (name == "cgroups") return Known(exec.cgroup);
  if (name == "uid") return Decimal(exec.uid, scratch);
  if (name == "gid") return Decimal(exec.gid, scratch);
  if (name == "loginuid") return Decimal(exec.login_uid, scratch);
  if (name == "pid") return Decimal(e.event->origin.process.tgid, scratch);
  if (name == "exe_ino") return Decimal(exec.exe.ino, scratch);
  if (name == "flags") return exec.path == "/" ? FieldValue(std::string_view("EXE_FROM_MEMFD")) : FieldValue();
  if (name == "res") return std::string_view("0");
  return {};
}

FieldValue OfSocket(const SocketState& state, std::string_view name, FieldScratch& scratch) {
  const SocketTuple& s = state.socket;
  const bool known = state.op != EVENT_SOCK_CONNECT_TRY && state.op != EVENT_SOCK_ACCEPT;
  if (name == "addr") {
    const bool local = state.op == EVENT_SOCK_BIND || state.op == EVENT_SOCK_LISTEN;
    return scratch.Keep(local ? fmt::format("{}:{}", s.local_address, s.local_port)
                              : fmt::format("{}:{}", s.peer_address, s.peer_port));
  }
  if (name == "tuple") {
    return scratch.Keep(fmt::format("{}:{}->{}:{}", s.local_address, s.local_port, s.peer_address, s.peer_port));
  }
  return name == "res" && known ? FieldValue(std::string_view("0")) : FieldValue();
}

}  // namespace

std::span<const CallArgumentName> CallArgumentNames() { return kNames; }

KindSet CallArgumentKinds(std::string_view name) {
  for (const CallArgumentName& argument : kNames) {
    if (argument.name == name) return argument.kinds;
  }
  return 0;
}

FieldValue CallArgument(const EnrichedEvent& e, std::string_view name, FieldScratch& scratch) {
  if (const FileOpen* open = Body<FileOpen>(e)) return OfOpen(*open, name, scratch);
  if (const FileName* file_name = Body<FileName>(e)) return OfName(*file_name, name);
  if (const FileChange* change = Body<FileChange>(e)) return OfChange(e, *change, name);
  if (const ProcessExec* exec = Body<ProcessExec>(e)) return OfExec(e, *exec, name, scratch);
  if (const SocketState* state = Body<SocketState>(e)) return OfSocket(*state, name, scratch);
  const ProcessExit* exit = Body<ProcessExit>(e);
  return exit != nullptr && name == "status" ? scratch.Keep(fmt::format("{}", exit->exit_code)) : FieldValue();
}

}  // namespace tensorwarden::fields
