#include "agent/author/event_script.h"

#include <fmt/format.h>

#include <algorithm>

namespace tensorwarden::author {
namespace {

using rules::YamlNode;
using rules::YamlPair;

constexpr uint64_t kSecondNs = 1'000'000'000;

// What the sequencer never lets through has no members to write.
template <class T>
concept Scriptable = !std::is_same_v<T, std::monostate> && !std::is_same_v<T, FileCandidate> &&
                     !std::is_same_v<T, NameHint> && !std::is_same_v<T, HttpSegment> && !std::is_same_v<T, Evidence>;

template <class T>
void SetDefaults(T& body, const Event& event, const Scene& scene) {
  if constexpr (std::is_same_v<T, Finding>) {
    body.process = event.origin.process;
    body.file = scene.first_asset();
  } else if constexpr (std::is_same_v<T, FileRead> || std::is_same_v<T, FileChange>) {
    body.file = scene.first_asset();
  } else if constexpr (std::is_same_v<T, ProcessExec>) {
    body.parent = scene.first_process();
  }
}

// What a person would have to say twice.
template <class T>
void Complete(T& body, const Event& event) {
  if constexpr (std::is_same_v<T, Finding>) {
    if (body.key.empty()) body.key = fmt::format("{}:{}:{}", body.kind, body.what, event.origin.process.tgid);
  } else if constexpr (std::is_same_v<T, ProcessExec>) {
    if (body.comm.empty()) body.comm = body.path.substr(body.path.rfind('/') + 1).substr(0, 15);
    if (body.args.empty() && !body.comm.empty()) body.args = {body.comm};
  }
}

template <class T>
bool ReadMembers(const YamlNode& node, T& body, ValueReader& reader) {
  if constexpr (std::is_same_v<T, Finding>) {
    return reader.Read(node, body);  // its members must fit together
  } else {
    return reader.Struct(node, body);
  }
}

template <size_t kIndex = 0>
bool ReadBody(size_t kind, const YamlNode& node, Event& event, ValueReader& reader) {
  if constexpr (kIndex < kEventKindCount) {
    if (kind != kIndex) return ReadBody<kIndex + 1>(kind, node, event, reader);
    using T = std::variant_alternative_t<kIndex, EventBody>;
    if constexpr (Scriptable<T>) {
      T body;
      SetDefaults(body, event, reader.scene());
      reader.set_may_be_new(std::is_same_v<T, AssetFound>);
      const bool ok = ReadMembers(node, body, reader);
      reader.set_may_be_new(false);
      Complete(body, event);
      event.body = std::move(body);
      return ok;
    }
  }
  return reader.Fail(node, "events of this kind never reach rules");
}

size_t KindOf(std::string_view name) {
  for (size_t kind = 1; kind < kEventKindCount; ++kind) {
    if (name == EventKindName(kind)) return kind;
  }
  return 0;
}

std::vector<std::string_view> Keys() {
  std::vector<std::string_view> keys = {"by", "at", "cgroup_id", "flags"};
  for (size_t kind = 1; kind < kEventKindCount; ++kind) keys.emplace_back(EventKindName(kind));
  return keys;
}

bool ReadOrigin(const YamlNode& node, uint64_t last_ns, Event& event, ValueReader& reader) {
  event.origin.ktime_ns = last_ns + kSecondNs;
  event.origin.process = reader.scene().first_process();
  bool ok = true;
  if (const YamlNode* by = ValueOf(node, "by")) ok = reader.Read(*by, event.origin.process);
  if (const YamlNode* id = ValueOf(node, "cgroup_id")) ok = reader.Read(*id, event.origin.cgroup_id) && ok;
  if (const YamlNode* flags = ValueOf(node, "flags")) ok = reader.Read(*flags, event.origin.flags) && ok;
  event.origin.tid = event.origin.process.tgid;
  const YamlNode* at = ValueOf(node, "at");
  if (at == nullptr) return ok;
  uint64_t since_start = 0;
  if (!reader.Read(*at, since_start, Duration{})) return false;
  event.origin.ktime_ns = Scene::kStartNs + since_start;
  if (event.origin.ktime_ns < last_ns) return reader.Fail(*at, "events stand in order of time");
  return ok;
}

}  // namespace

std::optional<Event> ReadScriptedEvent(const YamlNode& node, uint64_t last_ns, ValueReader& reader) {
  const auto is_kind = [](const YamlPair& pair) { return KindOf(pair.key) != 0; };
  if (!reader.KnownKeys(node, Keys())) return std::nullopt;
  if (std::count_if(node.pairs.begin(), node.pairs.end(), is_kind) != 1) {
    reader.Fail(node, "an event is of one kind, as in {process_exec: {path: /usr/bin/curl}}");
    return std::nullopt;
  }
  Event event;
  if (!ReadOrigin(node, last_ns, event, reader)) return std::nullopt;
  const YamlPair& pair = *std::find_if(node.pairs.begin(), node.pairs.end(), is_kind);
  if (!ReadBody(KindOf(pair.key), pair.value, event, reader)) return std::nullopt;
  return event;
}

}  // namespace tensorwarden::author
