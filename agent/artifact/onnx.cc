// ONNX is a protobuf message without a magic: its fields are walked, and must be ModelProto's, with a graph.
#include "agent/artifact/families.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kMaxIrVersion = 32;  // 13 today
constexpr int kMaxFields = 4096;

std::optional<uint64_t> Varint(ByteCursor& cursor) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = cursor.Number(1);
    if (!byte) return std::nullopt;
    value |= (*byte & 0x7f) << shift;
    if (*byte < 0x80) return value;
  }
  return std::nullopt;
}

enum Field : uint64_t { kIrVersion = 1, kModelVersion = 5, kGraph = 7, kOpsetImport = 8 };

// Wire type that ModelProto gives a field; 9 = it has no such field.
uint64_t WireTypeOf(uint64_t field) {
  if (field == kIrVersion || field == kModelVersion) return 0;
  if (field >= 2 && field <= 8) return 2;
  return field == 14 || field == 20 || field == 25 || field == 26 ? 2 : 9;
}

struct Seen {
  bool ir_version = false, graph = false, opset = false, text = false, bad = false;
};

// A graph begins with one of GraphProto's length-delimited fields: node, name, initializer, doc, input, output, ...
bool LooksLikeGraph(std::string_view start) { return start.empty() || (static_cast<uint8_t>(start[0]) & 7) == 2; }

Seen WalkModel(const FileWindow& window) {
  Seen seen;
  ByteCursor cursor(window.head);
  for (int i = 0; i < kMaxFields && cursor.left() > 0; ++i) {
    const auto tag = Varint(cursor);
    const auto value = tag ? Varint(cursor) : std::nullopt;  // of either wire type: the number, or the length
    if (!value) break;                                       // the window ended
    const uint64_t field = *tag >> 3, wire = *tag & 7;
    seen.bad = wire != WireTypeOf(field) || (wire == 2 && *value > window.size - cursor.at());
    if (field == kIrVersion) seen.ir_version = *value >= 1 && *value <= kMaxIrVersion;
    if (seen.bad || (field == kIrVersion && !seen.ir_version)) break;
    if (wire != 2) continue;
    const std::string_view start = std::string_view(window.head).substr(cursor.at(), std::min<uint64_t>(1, *value));
    if (field == kGraph) seen.graph = LooksLikeGraph(start);
    seen.opset |= field == kOpsetImport;
    seen.text |= field == 2;
    if (!cursor.Bytes(*value)) break;  // beyond the window
  }
  return seen;
}

}  // namespace

std::optional<Identity> ProbeOnnx(const FileWindow& window) {
  const Seen seen = WalkModel(window);
  const bool named = window.name.ends_with(".onnx");
  if (seen.ir_version && seen.graph && !seen.bad)
    return Identity{"onnx", ClassOfWeights(window.name), named || seen.opset || seen.text ? 0.95 : 0.6};
  if (named && seen.ir_version) return Identity{"onnx", ClassOfWeights(window.name), 0.6};
  return std::nullopt;
}

}  // namespace tensorwarden
