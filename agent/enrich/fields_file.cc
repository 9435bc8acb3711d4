// fd.name and its parts, and what was done to a file's bytes.
#include <fmt/format.h>

#include "agent/enrich/fields.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kFileKinds = kKinds<FileRead, FileChange, FileOpen, FileName, AssetHeld, AssetFound, Finding>;

std::string_view PathOf(const EnrichedEvent& e) {
  if (const FileOpen* open = Body<FileOpen>(e)) return open->path;
  const FileName* name = Body<FileName>(e);
  if (name != nullptr && !name->path.empty()) return name->path;
  if (const AssetFound* found = Body<AssetFound>(e)) return found->path;
  const bool of_file = ((kFileKinds >> e.event->body.index()) & 1) != 0;
  return of_file && e.asset != nullptr ? std::string_view(e.asset->path) : std::string_view();
}

FieldValue Name(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  const SocketTuple* s = SocketOf(e);
  if (s == nullptr) return Known(PathOf(e));
  return scratch.Keep(fmt::format("{}:{}->{}:{}", s->local_address, s->local_port, s->peer_address, s->peer_port));
}

FieldValue Directory(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const std::string_view path = PathOf(e);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return slash == 0 ? std::string_view("/") : path.substr(0, slash);
}

FieldValue FileNameOnly(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const std::string_view path = PathOf(e);
  const size_t slash = path.rfind('/');
  return Known(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

FieldValue Inode(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileKey* key = KeyOf(e);
  return key == nullptr ? FieldValue() : Number(static_cast<double>(key->ino));
}

FieldValue Bytes(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  if (const FileRead* read = Body<FileRead>(e)) return Number(static_cast<double>(read->bytes));
  if (const FileChange* change = Body<FileChange>(e)) return Number(static_cast<double>(change->bytes));
  return {};
}

// Distinct bytes read, as a share of the asset: reading a header a thousand times is not reading a model.
FieldValue Share(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const FileRead* read = Body<FileRead>(e);
  if (read == nullptr || e.asset == nullptr || e.asset->size == 0) return {};
  return Number(static_cast<double>(read->covered_bytes) / static_cast<double>(e.asset->size));
}

constexpr FieldSpec kFields[] = {
    {"fd.name", FieldType::kString, false, kFileKinds | kSocketKinds,
     "Full path of the file, or local:port->peer:port of the socket.", Name},
    {"fd.directory", FieldType::kString, false, kFileKinds, "Directory of the file, without a final slash.", Directory},
    {"fd.filename", FieldType::kString, false, kFileKinds, "Last component of the file's path.", FileNameOnly},
    {"fd.ino", FieldType::kNumber, false, kKinds<FileRead, FileChange, FileOpen, FileName>, "Inode number.", Inode},
    {"fd.oldname", FieldType::kString, false, kKinds<FileName>, "Path before a rename.",
     Text<FileName, &FileName::old_path>},
    {"file.bytes", FieldType::kNumber, false, kKinds<FileRead, FileChange>,
     "Bytes that this process has read from or written to the file so far, repeats counted.", Bytes},
    {"file.share", FieldType::kNumber, false, kKinds<FileRead>,
     "Share of the asset that this process has read so far, 0 to 1.", Share},
};

}  // namespace

const FileKey* KeyOf(const EnrichedEvent& e) {
  if (const FileRead* read = Body<FileRead>(e)) return &read->file;
  if (const FileChange* change = Body<FileChange>(e)) return &change->file;
  if (const FileOpen* open = Body<FileOpen>(e)) return &open->file;
  if (const FileName* name = Body<FileName>(e)) return &name->file;
  return nullptr;
}

std::span<const FieldSpec> FileFields() { return kFields; }

}  // namespace tensorwarden::fields
