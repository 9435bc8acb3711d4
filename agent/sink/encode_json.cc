#include "agent/sink/encode_json.h"

#include <absl/time/time.h>
#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <xxhash.h>

#include <cmath>
#include <string_view>
#include <unordered_set>

#include "agent/base/text_escape.h"
#include "agent/sink/evidence_text.h"

namespace tensorwarden {
namespace {

// Members with a value only: an absent fact is an absent key.
class JsonObject {
 public:
  using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

  explicit JsonObject(Writer& writer) : writer_(writer) { writer_.StartObject(); }
  ~JsonObject() { writer_.EndObject(); }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  Writer& Key(std::string_view key) {
    String(key);
    return writer_;
  }
  void Text(std::string_view key, std::string_view text) {
    if (!text.empty()) AlwaysText(key, text);
  }
  void AlwaysText(std::string_view key, std::string_view text) {
    Key(key);
    String(ToUtf8(text));
  }
  void Number(std::string_view key, uint64_t value) { Key(key).Uint64(value); }
  // JSON has no infinity and no NaN.
  void Real(std::string_view key, double value) { Key(key).Double(std::isfinite(value) ? value : 0); }
  void Bool(std::string_view key, bool value) { Key(key).Bool(value); }
  void Texts(std::string_view key, const std::vector<std::string>& texts) {
    Key(key).StartArray();
    for (const std::string& text : texts) String(ToUtf8(text));
    writer_.EndArray();
  }

 private:
  void String(std::string_view text) { writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size())); }

  Writer& writer_;
};

// A field that an output names twice is one member: two of one name make the document ambiguous.
void WriteFields(JsonObject& object, const Alert& alert, std::unordered_set<std::string_view>& seen) {
  for (const auto& [name, value] : alert.output_fields) {
    if (seen.insert(name).second) object.AlwaysText(ToUtf8(name), value);
  }
}

void WriteProcess(JsonObject::Writer& writer, const AlertProcess& process) {
  JsonObject object(writer);
  object.Number("pid", process.pid);
  object.Text("executable", process.executable);
  object.Text("command_line", process.command_line);
}

void WriteActor(JsonObject::Writer& writer, const Alert& alert) {
  constexpr uint32_t kUnset = 0xffffffff;
  JsonObject actor(writer);
  WriteProcess(actor.Key("process"), alert.process);
  actor.Number("uid", alert.uid);
  actor.Text("user", alert.user);
  if (alert.login_uid != kUnset) actor.Number("login_uid", alert.login_uid);
  actor.Text("cgroup", alert.cgroup);
  actor.Text("unit", alert.unit);
  actor.Text("container", alert.container);
  actor.Text("container_type", alert.container_type);
  actor.Text("pod", alert.pod);
  if (!alert.role.empty() && alert.role != "none") {
    actor.Text("role", alert.role);
    actor.Bool("role_confirmed", alert.role_confirmed);
  }
  actor.Text("workload", alert.workload);
  if (alert.ancestry.empty()) return;
  actor.Key("ancestry").StartArray();
  for (const AlertProcess& process : alert.ancestry) WriteProcess(writer, process);
  writer.EndArray();
}

void WriteAsset(JsonObject::Writer& writer, const Alert& alert) {
  JsonObject asset(writer);
  asset.Text("name", alert.asset_name);
  asset.Text("path", alert.asset_path);
  asset.Text("class", alert.asset_class);
  asset.Text("format", alert.asset_format);
  asset.Number("size", alert.asset_size);
  asset.Real("share", alert.asset_share);
}

void WriteDestination(JsonObject::Writer& writer, const Alert& alert) {
  JsonObject destination(writer);
  destination.AlwaysText("address", alert.destination);
  if (alert.destination_port != 0) destination.Number("port", alert.destination_port);
  destination.Text("class", alert.destination_class);
  if (alert.destination_first_seen_ns != 0) {
    destination.Text("first_seen", Rfc3339(alert.destination_first_seen_ns));
  }
}

void WriteMeasure(JsonObject::Writer& writer, const Alert& alert) {
  JsonObject measure(writer);
  measure.Real("value", alert.value);
  measure.Real("threshold", alert.threshold);
  measure.Text("unit", alert.unit_of_value);
}

void WriteFrame(JsonObject::Writer& writer, const StackFrame& frame) {
  JsonObject object(writer);
  object.AlwaysText("address", fmt::format("{:#x}", frame.address));
  object.Text("module", frame.module);
  if (!frame.module.empty()) object.Number("module_offset", frame.module_offset);
  object.Text("function", frame.function);
  if (!frame.function.empty()) object.Number("function_offset", frame.function_offset);
}

void WriteDescriptor(JsonObject::Writer& writer, const HeldDescriptor& held) {
  JsonObject object(writer);
  object.Number("fd", held.fd);
  object.AlwaysText("type", held.type);
  object.Text("path", held.path);
  object.Text("access", held.access);
  object.Text("local", held.local);
  object.Text("peer", held.peer);
}

void WriteMapping(JsonObject::Writer& writer, const HeldMapping& mapping) {
  JsonObject object(writer);
  object.AlwaysText("path", mapping.path);
  object.Number("bytes", mapping.bytes);
}

template <typename Item>
void WriteList(JsonObject& object, std::string_view key, const std::vector<Item>& items,
               void (*write)(JsonObject::Writer&, const Item&)) {
  if (items.empty()) return;
  JsonObject::Writer& writer = object.Key(key);
  writer.StartArray();
  for (const Item& item : items) write(writer, item);
  writer.EndArray();
}

void WriteEvidence(JsonObject::Writer& writer, const Alert& alert) {
  JsonObject evidence(writer);
  evidence.Text("text", alert.evidence);
  if (!alert.seen) return;
  WriteList(evidence, "stack", alert.seen->stack, WriteFrame);
  WriteList(evidence, "descriptors", alert.seen->descriptors, WriteDescriptor);
  if (alert.seen->more_descriptors != 0) evidence.Number("more_descriptors", alert.seen->more_descriptors);
  WriteList(evidence, "mappings", alert.seen->mappings, WriteMapping);
  evidence.Text("missing", alert.seen->missing);
}

void WriteOwn(JsonObject::Writer& writer, const Alert& alert) {
  JsonObject top(writer);
  top.AlwaysText("id", alert.id);
  top.AlwaysText("time", Rfc3339(alert.time_ns));
  top.AlwaysText("rule", alert.rule);
  top.AlwaysText("priority", PriorityName(alert.priority));
  top.AlwaysText("activity", alert.activity);
  top.Text("stage", alert.stage);
  top.AlwaysText("summary", alert.summary);
  top.Text("output", alert.output);
  {
    JsonObject fields(top.Key("output_fields"));
    std::unordered_set<std::string_view> seen;
    WriteFields(fields, alert, seen);
  }
  top.Texts("tags", alert.tags);
  if (alert.process.pid != 0) WriteActor(top.Key("actor"), alert);
  if (!alert.asset_name.empty() || !alert.asset_path.empty()) WriteAsset(top.Key("asset"), alert);
  if (!alert.destination.empty()) WriteDestination(top.Key("destination"), alert);
  top.Text("client", alert.client);
  if (alert.value != 0 || alert.threshold != 0) WriteMeasure(top.Key("measure"), alert);
  if (!alert.evidence.empty() || alert.seen) WriteEvidence(top.Key("evidence"), alert);
  if (!alert.false_positives.empty()) top.Texts("false_positives", alert.false_positives);
  top.Text("next_step", alert.next_step);
  top.Text("exception", alert.exception);
  top.Number("updates", alert.updates);
  top.Text("hostname", alert.hostname);
  top.Number("cause_seq", alert.cause_seq);
  top.Text("capture", alert.capture);
}

// A UUID (version 8, RFC 9562) of this very message, so that a receiver can drop what it was sent twice.
std::string MessageUuid(const Alert& alert) {
  const std::string text = fmt::format("{} {} {}", alert.id, alert.activity, alert.updates);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  const uint64_t high = (hash.high64 & ~uint64_t{0xf000}) | 0x8000;
  const uint64_t low = (hash.low64 & ~(uint64_t{3} << 62)) | uint64_t{2} << 62;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffffffffffff);
}

void WriteFalco(JsonObject::Writer& writer, const Alert& alert) {
  JsonObject top(writer);
  const std::string time = Rfc3339(alert.time_ns);
  const std::string& words = alert.output.empty() ? alert.summary : alert.output;
  top.AlwaysText("uuid", MessageUuid(alert));
  top.AlwaysText("output", fmt::format("{}: {} {}", time, PriorityName(alert.priority), words));
  top.AlwaysText("priority", PriorityName(alert.priority));
  top.AlwaysText("rule", alert.rule);
  top.AlwaysText("time", time);
  top.AlwaysText("source", "tensorwarden");
  top.Texts("tags", alert.tags);
  top.Text("hostname", alert.hostname);
  JsonObject fields(top.Key("output_fields"));
  // Ours first: they are what makes the object non-empty, and no rule's output may replace them.
  std::unordered_set<std::string_view> seen = {"alert.id",       "alert.activity", "alert.stage",
                                               "alert.evidence", "alert.stack",    "alert.descriptors"};
  fields.AlwaysText("alert.id", alert.id);
  fields.AlwaysText("alert.activity", alert.activity);
  fields.Text("alert.stage", alert.stage);
  fields.Text("alert.evidence", alert.evidence);
  if (alert.seen) {
    fields.Text("alert.stack", StackText(*alert.seen));
    fields.Text("alert.descriptors", DescriptorsText(*alert.seen));
  }
  WriteFields(fields, alert, seen);
}

}  // namespace

std::string Rfc3339(int64_t realtime_ns) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E9SZ", absl::FromUnixNanos(realtime_ns), absl::UTCTimeZone());
}

std::string EncodeOwnJson(const Alert& alert) {
  rapidjson::StringBuffer buffer;
  JsonObject::Writer writer(buffer);
  WriteOwn(writer, alert);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string EncodeFalcoJson(const Alert& alert) {
  rapidjson::StringBuffer buffer;
  JsonObject::Writer writer(buffer);
  WriteFalco(writer, alert);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace tensorwarden
