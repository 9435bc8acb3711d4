// fs.path.*: paths that a call names; fd.*: what Falco derives of a descriptor.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/enrich/fields.h"
#include "agent/host/container.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kFiles = kKinds<FileRead, FileChange, FileOpen, FileName, AssetHeld, AssetFound, Finding>;
constexpr KindSet kKeyed = kKinds<FileRead, FileChange, FileOpen, FileName>;
constexpr KindSet kDescriptors = kKinds<FileRead, FileChange, FileOpen> | kSocketKinds;

struct DescriptorType {
  std::string_view name;
  std::string_view character;
};

DescriptorType TypeOf(const EnrichedEvent& e) {
  if (const SocketTuple* s = SocketOf(e)) {
    if (s->family == AF_INET) return {"ipv4", "4"};
    if (s->family == AF_INET6) return {"ipv6", "6"};
    return s->family == AF_UNIX ? DescriptorType{"unix", "u"} : DescriptorType{};
  }
  if (((kDescriptors >> e.event->body.index()) & 1) == 0) return {};
  const FileOpen* open = Body<FileOpen>(e);
  return open != nullptr && S_ISDIR(open->mode) ? DescriptorType{"directory", "d"} : DescriptorType{"file", "f"};
}

FieldValue TypeName(const EnrichedEvent& e, std::string_view, FieldScratch&) { return Known(TypeOf(e).name); }
FieldValue TypeCharacter(const EnrichedEvent& e, std::string_view, FieldScratch&) { return Known(TypeOf(e).character); }

// The number of the descriptor is in no record, but of calls that failed there is none.
FieldValue Descriptor(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return ((kDescriptors >> e.event->body.index()) & 1) == 0 ? FieldValue() : Number(kNotKnown);
}

constexpr uint32_t kMinorBits = 20;

template <uint64_t kMask, uint32_t kShift>
FieldValue Device(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileKey* key = KeyOf(e);
  return key == nullptr ? FieldValue() : Number(static_cast<double>((key->dev >> kShift) & kMask));
}

// "container:name", as Falco chains them.
FieldValue WithContainer(const EnrichedEvent& e, std::string_view field, FieldScratch& scratch) {
  const FieldValue value = FindField(field)->get(e, "", scratch);
  const FieldValue container = FindField("container.id")->get(e, "", scratch);
  if (!std::holds_alternative<std::string_view>(value) || !std::holds_alternative<std::string_view>(container)) {
    return {};
  }
  return scratch.Keep(fmt::format("{}:{}", FieldText(container), FieldText(value)));
}

FieldValue ContainerName(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  return WithContainer(e, "fd.name", scratch);
}
FieldValue ContainerDirectory(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  return WithContainer(e, "fd.directory", scratch);
}

std::string_view PathOfChange(const EnrichedEvent& e) {
  if (const FileOpen* open = Body<FileOpen>(e)) return open->path;
  if (const FileName* name = Body<FileName>(e)) return name->path;
  return Body<FileChange>(e) != nullptr && e.asset != nullptr ? std::string_view(e.asset->path) : std::string_view();
}

FieldValue Path(const EnrichedEvent& e, std::string_view, FieldScratch&) { return Known(PathOfChange(e)); }

// Of a link the former name is not in our records.
FieldValue SourcePath(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileName* name = Body<FileName>(e);
  return name == nullptr ? FieldValue() : Known(name->old_path);
}

FieldValue TargetPath(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileName* name = Body<FileName>(e);
  const bool has_two = name != nullptr && (name->op == EVENT_NAME_RENAME || name->op == EVENT_NAME_LINK);
  return has_two ? Known(name->path) : FieldValue();
}

constexpr KindSet kWithPath = kKinds<FileOpen, FileName, FileChange>;

constexpr FieldSpec kFields[] = {
    {"fd.type", FieldType::kString, false, kDescriptors, "file, directory, ipv4, ipv6 or unix.", TypeName},
    {"fd.typechar", FieldType::kString, false, kDescriptors, "f (file), d (directory), 4 (IPv4), 6 (IPv6) or u (unix).",
     TypeCharacter},
    {"fd.num", FieldType::kNumber, false, kDescriptors,
     "Number of the descriptor: not known, but at least 0, as our events are calls that succeeded.", Descriptor,
     FieldArgument::kIndex, FieldContent::kAtLeastZero},
    {"fd.dev", FieldType::kNumber, false, kKeyed, "Device of the file, major << 20 | minor.", Device<~0ull, 0>},
    {"fd.dev.major", FieldType::kNumber, false, kKeyed, "Major number of the file's device.",
     Device<~0ull, kMinorBits>},
    {"fd.dev.minor", FieldType::kNumber, false, kKeyed, "Minor number of the file's device.",
     Device<(1u << kMinorBits) - 1, 0>},
    {"fd.containername", FieldType::kString, false, kFiles | kSocketKinds, "container.id, ':', fd.name.",
     ContainerName},
    {"fd.containerdirectory", FieldType::kString, false, kFiles, "container.id, ':', fd.directory.",
     ContainerDirectory},
    {"fs.path.name", FieldType::kString, false, kWithPath, "Path that the call is about; of a rename the new one.",
     Path},
    {"fs.path.source", FieldType::kString, false, kKinds<FileName>, "Path before a rename.", SourcePath},
    {"fs.path.target", FieldType::kString, false, kKinds<FileName>, "Path after a rename, new path of a link.",
     TargetPath},
};

}  // namespace

std::span<const FieldSpec> PathFields() { return kFields; }

}  // namespace tensorwarden::fields
