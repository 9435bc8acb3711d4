// What Falco takes from the system call itself: arguments, result, category, times. Our events are facts rather than
// calls, so an argument is filled where the fact has it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cmath>
#include <ctime>

#include "agent/enrich/call_arguments.h"
#include "agent/enrich/fields.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr KindSet kIo = kKinds<FileRead, FileChange>;
constexpr KindSet kWithResult = kKinds<ProcessExec, FileOpen, FileRead, FileChange, FileName, SocketState>;

FieldValue CallDirection(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return std::string_view((e.event->origin.flags & EVENT_F_ENTER) != 0 ? ">" : "<");
}

FieldValue Source(const EnrichedEvent&, std::string_view, FieldScratch&) { return std::string_view("syscall"); }
FieldValue Never(const EnrichedEvent&, std::string_view, FieldScratch&) { return false; }
FieldValue One(const EnrichedEvent&, std::string_view, FieldScratch&) { return Number(1); }

FieldValue Argument(const EnrichedEvent& e, std::string_view name, FieldScratch& scratch) {
  return CallArgument(e, name, scratch);
}

FieldValue Arguments(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  std::string all;
  for (const auto& [name, kinds] : CallArgumentNames()) {
    const FieldValue value = CallArgument(e, name, scratch);
    if (std::holds_alternative<std::monostate>(value)) continue;
    if (!all.empty()) all += ' ';
    all += fmt::format("{}={}", name, FieldText(value));
  }
  return all.empty() ? FieldValue() : FieldValue(scratch.Keep(all));
}

// A call that has no error to report returns 0, or a number that our records do not have.
FieldValue ResultOf(const Event& event) {
  switch (event.body.index()) {
    case kKindIndex<ProcessExec>:
    case kKindIndex<FileName>:
      return Number(0);
    case kKindIndex<FileOpen>:
    case kKindIndex<FileRead>:
      return Number(kNotKnown);
    case kKindIndex<FileChange>: {
      const uint32_t change = std::get<FileChange>(event.body).change;
      const bool plain = change == EVENT_CHANGE_TRUNCATE || change == EVENT_CHANGE_ATTRIBUTE;
      return Number(plain ? 0 : kNotKnown);
    }
    case kKindIndex<SocketState>: {
      const uint32_t op = std::get<SocketState>(event.body).op;
      if (op == EVENT_SOCK_ACCEPT) return Number(kNotKnown);
      // An attempt may still fail.
      return op == EVENT_SOCK_CONNECT_TRY || op == EVENT_SOCK_CLOSE ? FieldValue() : Number(0);
    }
    default:
      return {};
  }
}

FieldValue Result(const EnrichedEvent& e, std::string_view, FieldScratch&) { return ResultOf(*e.event); }

bool HasResult(const EnrichedEvent& e) { return !std::holds_alternative<std::monostate>(ResultOf(*e.event)); }

FieldValue ResultText(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return HasResult(e) ? FieldValue(std::string_view("SUCCESS")) : FieldValue();
}

FieldValue Failed(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return HasResult(e) ? FieldValue(false) : FieldValue();
}

FieldValue Category(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const KindSet kind = KindSet{1} << e.event->body.index();
  if ((kind & kKinds<FileRead, FileChange, FileOpen, FileName, DeviceOpen>) != 0) return std::string_view("file");
  if ((kind & kKinds<SocketState, Egress, HttpRequest, Listener>) != 0) return std::string_view("net");
  if ((kind & kKinds<ProcessExec, ProcessFork, ProcessExit>) != 0) return std::string_view("process");
  return std::string_view("other");
}

bool IsWrite(const EnrichedEvent& e) {
  const FileChange* change = Body<FileChange>(e);
  return change != nullptr && (change->change == EVENT_CHANGE_WRITE || change->change == EVENT_CHANGE_DIRECT_WRITE);
}

bool IsRead(const EnrichedEvent& e) {
  const FileRead* read = Body<FileRead>(e);
  return read != nullptr && (read->access == EVENT_ACCESS_READ || read->access == EVENT_ACCESS_DIRECT);
}

FieldValue ReadsOrWrites(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return ((kIo >> e.event->body.index()) & 1) == 0 ? FieldValue() : FieldValue(IsRead(e) || IsWrite(e));
}
FieldValue Reads(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return ((kIo >> e.event->body.index()) & 1) == 0 ? FieldValue() : FieldValue(IsRead(e));
}
FieldValue Writes(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return ((kIo >> e.event->body.index()) & 1) == 0 ? FieldValue() : FieldValue(IsWrite(e));
}
FieldValue Direction(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (IsRead(e)) return std::string_view("r");
  return IsWrite(e) ? FieldValue(std::string_view("w")) : FieldValue();
}

FieldValue OpenedToRun(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileOpen* open = Body<FileOpen>(e);
  if (open == nullptr) return {};
  return open->created && (open->mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

bool UtcOf(const EnrichedEvent& e, struct tm& utc, int64_t& rest_ns) {
  if (e.host == nullptr) return false;
  const int64_t ns = e.host->RealtimeNs(e.event->origin.ktime_ns);
  const time_t seconds = static_cast<time_t>(ns / kNsPerSecond);
  rest_ns = ns % kNsPerSecond;
  return ns >= 0 && gmtime_r(&seconds, &utc) != nullptr;
}

template <bool kDate, bool kFraction>
FieldValue Clock(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  struct tm utc;
  int64_t rest = 0;
  if (!UtcOf(e, utc, rest)) return {};
  std::string text;
  if (kDate) text = fmt::format("{:04}-{:02}-{:02} ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
  text += fmt::format("{:02}:{:02}:{:02}", utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (kFraction) text += fmt::format(".{:09}", rest);
  return scratch.Keep(text);
}

template <bool kFraction>
FieldValue Epoch(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.host == nullptr) return {};
  const int64_t ns = e.host->RealtimeNs(e.event->origin.ktime_ns);
  return Number(static_cast<double>(kFraction ? ns % kNsPerSecond : ns / kNsPerSecond));
}

FieldValue CallName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return std::string_view(EventKindName(e.event->body));
}

FieldValue HostName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.host == nullptr ? FieldValue() : Known(e.host->Start().hostname);
}

// As a call's own argument, but always from the root: our records have no other paths.
template <typename Name>
FieldValue PathArgument(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  return CallArgument(e, Name::kName, scratch);
}
struct PathName {
  static constexpr std::string_view kName = "path";
};
struct OldPathName {
  static constexpr std::string_view kName = "oldpath";
};
struct NewPathName {
  static constexpr std::string_view kName = "newpath";
};

constexpr auto kText = FieldType::kString;
constexpr auto kIndex = FieldArgument::kIndex;

constexpr FieldSpec kFields[] = {
    {"evt.dir", kText, false, kAllKinds,
     "<: the call has returned. >: it begins; only opens in captures of other tools.", CallDirection, kIndex},
    {"evt.source", kText, false, kAllKinds, "Always syscall.", Source, kIndex, FieldContent::kConstant},
    {"evt.is_async", FieldType::kBool, false, kAllKinds, "Always false.", Never, kIndex, FieldContent::kConstant},
    {"evt.count", FieldType::kNumber, false, kAllKinds, "Always 1.", One, kIndex, FieldContent::kConstant},
    {"syscall.type", kText, false, kAllKinds, "The same as evt.type.", CallName},
    {"evt.hostname", kText, false, kAllKinds, "The same as host.name.", HostName},
    {"evt.arg", kText, true, kCallArgumentKinds,
     "Argument of the call by name, where the event has it: path, name, flags, mode, oldpath, newpath, exe, uid, ... "
     "By number it is always empty: what stands where differs between calls.",
     Argument, FieldArgument::kMember, FieldContent::kPlain, CallArgumentKinds},
    {"evt.rawarg", kText, true, kCallArgumentKinds, "The same as evt.arg.", Argument, FieldArgument::kMember,
     FieldContent::kPlain, CallArgumentKinds},
    {"evt.args", kText, false, kCallArgumentKinds, "All arguments that the event has, as name=value.", Arguments},
    {"evt.info", kText, false, kCallArgumentKinds, "The same as evt.args.", Arguments},
    {"evt.abspath", kText, false, kCallArgumentKinds, "Path of the call.", PathArgument<PathName>},
    {"evt.abspath.src", kText, false, kCallArgumentKinds, "Path before a rename.", PathArgument<OldPathName>},
    {"evt.abspath.dst", kText, false, kCallArgumentKinds, "Path after a rename.", PathArgument<NewPathName>},
    {"evt.res", kText, false, kWithResult, "SUCCESS: our events are calls that succeeded.", ResultText},
    {"evt.rawres", FieldType::kNumber, false, kWithResult,
     "What the call returned: 0, or a number of at least 0 that is not known.", Result, kIndex,
     FieldContent::kAtLeastZero},
    {"evt.failed", FieldType::kBool, false, kWithResult, "False: our events are calls that succeeded.", Failed},
    {"evt.category", kText, false, kAllKinds, "file, net, process or other.", Category},
    {"evt.is_io", FieldType::kBool, false, kIo, "The event is a read or a write.", ReadsOrWrites},
    {"evt.is_io_read", FieldType::kBool, false, kIo, "The event is a read.", Reads},
    {"evt.is_io_write", FieldType::kBool, false, kIo, "The event is a write.", Writes},
    {"evt.io_dir", kText, false, kIo, "r or w.", Direction},
    {"evt.is_open_exec", FieldType::kBool, false, kKinds<FileOpen>, "The open created a file that may be executed.",
     OpenedToRun},
    {"evt.time.s", kText, false, kAllKinds, "Time of day in UTC.", Clock<false, false>},
    {"evt.time.iso8601", kText, false, kAllKinds, "Date and time in UTC with nanoseconds.", Clock<true, true>},
    {"evt.datetime", kText, false, kAllKinds, "Date and time in UTC with nanoseconds.", Clock<true, true>},
    {"evt.datetime.s", kText, false, kAllKinds, "Date and time in UTC.", Clock<true, false>},
    {"evt.rawtime.s", FieldType::kNumber, false, kAllKinds, "When it happened, seconds since 1970.", Epoch<false>},
    {"evt.rawtime.ns", FieldType::kNumber, false, kAllKinds, "Nanoseconds of that second.", Epoch<true>},
};

}  // namespace

std::span<const FieldSpec> CallFields() { return kFields; }

}  // namespace tensorwarden::fields
