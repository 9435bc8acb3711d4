#include "agent/enrich/enriched_event.h"

#include "agent/enrich/kinds.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

// The file that an event is about; nullptr when it is about none.
const FileKey* FileOf(const EventBody& body) {
  switch (body.index()) {
    case kKindIndex<FileRead>:
      return &std::get<FileRead>(body).file;
    case kKindIndex<FileChange>:
      return &std::get<FileChange>(body).file;
    case kKindIndex<FileOpen>:
      return &std::get<FileOpen>(body).file;
    case kKindIndex<FileName>:
      return &std::get<FileName>(body).file;
    case kKindIndex<LabelMove>:
      return &std::get<LabelMove>(body).source;
    case kKindIndex<AssetHeld>:
      return &std::get<AssetHeld>(body).file;
    case kKindIndex<AssetFound>:
      return &std::get<AssetFound>(body).file;
    case kKindIndex<Finding>:
      return &std::get<Finding>(body).file;
    default:
      return nullptr;
  }
}

// A rename over an asset is about the asset that went as much as about the file that came; a mount over it only.
const AssetInfo* AssetOf(const EventBody& body, const HostModel& host) {
  const FileKey* file = FileOf(body);
  const AssetInfo* asset = file != nullptr && *file ? host.Asset(*file) : nullptr;
  const FileName* name = std::get_if<FileName>(&body);
  if (name != nullptr && name->op == EVENT_NAME_MOUNT) return host.Asset(name->replaced);
  if (asset == nullptr && name != nullptr && name->replaced) asset = host.Asset(name->replaced);
  return asset;
}

const LabelInfo* LabelOf(const EventBody& body, const AssetInfo* asset, const HostModel& host) {
  if (const Egress* egress = std::get_if<Egress>(&body)) return host.Label(egress->label);
  return asset != nullptr ? host.Label(asset->label) : nullptr;
}

const AssetInfo* FirstAssetOf(const LabelInfo& label, const HostModel& host) {
  return label.assets.empty() ? nullptr : host.Asset(label.assets.front());
}

}  // namespace

EnrichedEvent Enrich(const Event& event, const HostModel& host) {
  EnrichedEvent enriched{.event = &event, .host = &host, .finding = std::get_if<Finding>(&event.body)};
  const bool about_another = enriched.finding != nullptr && enriched.finding->process;
  enriched.process = host.Process(about_another ? enriched.finding->process : event.origin.process);
  if (enriched.process != nullptr && enriched.process->parent) {
    enriched.parent = host.Process(enriched.process->parent);
  }
  enriched.asset = AssetOf(event.body, host);
  enriched.label = LabelOf(event.body, enriched.asset, host);
  if (enriched.asset == nullptr && enriched.label != nullptr) {
    enriched.asset = FirstAssetOf(*enriched.label, host);
  }
  return enriched;
}

}  // namespace tensorwarden
