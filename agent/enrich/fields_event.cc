// evt.*: the event itself.
#include <fcntl.h>
#include <fmt/format.h>

#include <ctime>

#include "agent/enrich/fields.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kWithOperation = kKinds<FileRead, FileChange, FileName, SocketState, HostChange>;

FieldValue Type(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return std::string_view(EventKindName(e.event->body));
}

FieldValue Operation(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return Known(EventOperationName(*e.event));
}

FieldValue Sequence(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return Number(static_cast<double>(e.event->seq));
}

FieldValue RealtimeNs(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (e.host == nullptr) return {};
  return Number(static_cast<double>(e.host->RealtimeNs(e.event->origin.ktime_ns)));
}

FieldValue Time(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.host == nullptr) return {};
  constexpr int64_t kNsPerSecond = 1'000'000'000;
  const int64_t ns = e.host->RealtimeNs(e.event->origin.ktime_ns);
  const time_t seconds = static_cast<time_t>(ns / kNsPerSecond);
  struct tm utc;
  if (ns < 0 || gmtime_r(&seconds, &utc) == nullptr) return {};
  return scratch.Keep(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ns % kNsPerSecond));
}

FieldValue IsOpenRead(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileOpen* open = Body<FileOpen>(e);
  if (open == nullptr) return {};
  return (open->open_flags & O_ACCMODE) != O_WRONLY;
}

FieldValue IsOpenWrite(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileOpen* open = Body<FileOpen>(e);
  if (open == nullptr) return {};
  return (open->open_flags & O_ACCMODE) != O_RDONLY;
}

FieldValue IsOpenCreate(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileOpen* open = Body<FileOpen>(e);
  return open == nullptr ? FieldValue() : FieldValue(open->created);
}

// Paths and arguments are read with bounds; a rule that compares them may have to know what is missing.
constexpr KindSet kWithText = kKinds<ProcessExec, FileOpen>;

template <uint16_t kFlag>
FieldValue Flag(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (((kWithText >> e.event->body.index()) & 1) == 0) return {};
  return (e.event->origin.flags & kFlag) != 0;
}

FieldValue ExitCode(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const ProcessExit* exit = Body<ProcessExit>(e);
  return exit == nullptr ? FieldValue() : Number(exit->exit_code);
}

constexpr FieldSpec kFields[] = {
    {"evt.type", FieldType::kString, false, kAllKinds,
     "Kind of the event: file_open, process_exec, finding, ...; in conditions also by Falco's call names.", Type},
    {"evt.kind", FieldType::kString, false, kAllKinds, "The same as evt.type.", Type},
    {"evt.op", FieldType::kString, false, kWithOperation, "What was done.", Operation},
    {"evt.num", FieldType::kNumber, false, kAllKinds, "Number of the event in its stream, from 1.", Sequence},
    {"evt.time", FieldType::kString, false, kAllKinds, "When it happened, RFC 3339 in UTC with nanoseconds.", Time},
    {"evt.rawtime", FieldType::kNumber, false, kAllKinds, "When it happened, nanoseconds since 1970.", RealtimeNs},
    {"evt.is_open_read", FieldType::kBool, false, kKinds<FileOpen>, "The file was opened for reading.", IsOpenRead},
    {"evt.is_open_write", FieldType::kBool, false, kKinds<FileOpen>, "The file was opened for writing.", IsOpenWrite},
    {"evt.is_open_create", FieldType::kBool, false, kKinds<FileOpen>, "The open created the file.", IsOpenCreate},
    {"evt.path.truncated", FieldType::kBool, false, kWithText, "A path was longer than the record and is cut.",
     Flag<EVENT_F_PATH_TRUNC>},
    {"evt.path.unresolved", FieldType::kBool, false, kWithText, "A path could not be read: empty means unknown.",
     Flag<EVENT_F_PATH_FAULT>},
    {"evt.args.truncated", FieldType::kBool, false, kWithText, "The arguments were longer than the record and are cut.",
     Flag<EVENT_F_ARGS_TRUNC>},
    {"evt.args.unresolved", FieldType::kBool, false, kWithText, "The arguments could not be read.",
     Flag<EVENT_F_ARGS_FAULT>},
    {"evt.exit_code", FieldType::kNumber, false, kKinds<ProcessExit>, "Exit status as wait(2) encodes it.", ExitCode},
};

}  // namespace

std::span<const FieldSpec> EventFields() { return kFields; }

}  // namespace tensorwarden::fields
