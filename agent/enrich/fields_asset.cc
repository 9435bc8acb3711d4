// asset.*: the model, dataset or other guarded file that an event is about.
#include <fmt/format.h>

#include "agent/enrich/fields.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kAssetKinds =
    kKinds<FileRead, FileChange, FileOpen, FileName, LabelMove, Egress, AssetHeld, AssetFound, Finding>;

template <std::string AssetInfo::*kMember>
FieldValue AssetText(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.asset == nullptr ? FieldValue() : Known(e.asset->*kMember);
}

template <auto kMember>
FieldValue AssetNumber(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.asset == nullptr ? FieldValue() : Number(static_cast<double>(e.asset->*kMember));
}

FieldValue Identity(const EnrichedEvent& e, std::string_view, FieldScratch& scratch) {
  if (e.asset == nullptr || !e.asset->file) return {};
  const FileKey& file = e.asset->file;
  return scratch.Keep(fmt::format("{:x}:{}:{}", file.dev, file.ino, file.generation));
}

FieldValue SetName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.label == nullptr ? FieldValue() : Known(e.label->name);
}

FieldValue SetSize(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.label == nullptr ? FieldValue() : Number(static_cast<double>(e.label->size));
}

constexpr FieldSpec kFields[] = {
    {"asset.name", FieldType::kString, false, kAssetKinds, "Name of the asset, for people.",
     AssetText<&AssetInfo::name>},
    {"asset.class", FieldType::kString, false, kAssetKinds, "What it is.", AssetText<&AssetInfo::klass>},
    {"asset.format", FieldType::kString, false, kAssetKinds, "File format: safetensors, gguf, pytorch_zip, onnx, ...",
     AssetText<&AssetInfo::format>},
    {"asset.path", FieldType::kString, false, kAssetKinds, "Path by which it is known.", AssetText<&AssetInfo::path>},
    {"asset.size", FieldType::kNumber, false, kAssetKinds, "Bytes.", AssetNumber<&AssetInfo::size>},
    {"asset.id", FieldType::kString, false, kAssetKinds,
     "Identity of its file: device, inode and generation; the same after a restart.", Identity},
    {"asset.owner", FieldType::kNumber, false, kAssetKinds, "User id of the file's owner.",
     AssetNumber<&AssetInfo::owner_uid>},
    {"asset.set", FieldType::kString, false, kAssetKinds, "Name of the set that the asset is counted with.", SetName},
    {"asset.set.size", FieldType::kNumber, false, kAssetKinds, "Bytes of all assets of that set.", SetSize},
    {"asset.found_by", FieldType::kString, false, kKinds<AssetFound>, "How it became known.",
     Text<AssetFound, &AssetFound::found_by>},
};

}  // namespace

std::span<const FieldSpec> AssetFields() { return kFields; }

}  // namespace tensorwarden::fields
