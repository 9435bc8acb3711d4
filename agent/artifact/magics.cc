// Formats that fixed bytes give away.
#include <algorithm>
#include <array>

#include "agent/artifact/families.h"

namespace tensorwarden {
namespace {

using namespace std::string_view_literals;

struct Magic {
  const char* format;
  const char* klass;  // "" = by name
  size_t offset;
  std::string_view bytes;
  double confidence;
};

constexpr Magic kMagics[] = {
    {"ggml", "model", 0, "lmgg"sv, 0.9},
    {"ggml", "model", 0, "fmgg"sv, 0.9},
    {"ggml", "model", 0, "tjgg"sv, 0.9},
    {"ggml", "adapter", 0, "algg"sv, 0.9},
    {"tflite", "model", 4, "TFL3"sv, 0.95},
    {"tensorrt", "model", 0, "ftrt"sv, 0.95},
    {"tensorrt", "model", 0, "ptrt"sv, 0.95},
    {"mxnet", "model", 0, "\x12\x01\0\0\0\0\0\0"sv, 0.9},
    {"ocdbt", "checkpoint", 0, "\x0c\xdb\x3a\x2a"sv, 0.9},
    {"catboost", "model", 0, "CBM1"sv, 0.9},
    {"lightgbm", "model", 0, "tree\nversion="sv, 0.9},
    {"llamafile", "model", 0, "MZqFpD='"sv, 0.7},
    {"saved_model", "model", 0, "\x08\x01\x12"sv, 0.3},  // the name must help
    {"parquet", "dataset", 0, "PAR1"sv, 0.9},
    {"arrow", "dataset", 0, "ARROW1\0\0"sv, 0.9},
    {"feather", "dataset", 0, "FEA1"sv, 0.9},
    {"avro", "dataset", 0, "Obj\x01"sv, 0.9},
    {"orc", "dataset", 0, "ORC"sv, 0.4},
    {"milvus_binlog", "vector_store", 0, "\xbc\xfa\xff\0"sv, 0.8},
};

constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1a\n"sv;
constexpr size_t kHdf5Places[] = {0, 512, 1024, 2048, 4096, 8192};

bool NameHelps(const FileWindow& window, std::string_view format) {
  if (format == "saved_model") return window.name == "saved_model.pb";
  if (format == "orc") return window.name.ends_with(".orc");
  return false;
}

std::optional<Identity> ProbeHdf5(const FileWindow& window) {
  const bool found = std::any_of(std::begin(kHdf5Places), std::end(kHdf5Places),
                                 [&window](size_t place) { return window.HeadHas(place, kHdf5); });
  if (!found) return std::nullopt;
  const bool keras = window.head.find("model_config") != std::string::npos ||
                     window.head.find("keras_version") != std::string::npos ||
                     window.head.find("layer_names") != std::string::npos || window.name.ends_with(".keras") ||
                     window.name.ends_with(".weights.h5");
  if (keras) return Identity{"keras_hdf5", ClassOfWeights(window.name), 0.9};
  return Identity{"hdf5", "dataset", 0.6};
}

// A fourcc, then in every float index two 64-bit 2^20 at 16 and 24.
std::optional<Identity> ProbeFaiss(const FileWindow& window) {
  constexpr std::string_view kTwice = "\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0"sv;
  const std::string_view code = std::string_view(window.head).substr(0, 2);
  if (code != "Ix" && code != "Iw" && code != "IH" && code != "IB") return std::nullopt;
  if (window.HeadHas(16, kTwice)) return Identity{"faiss", "vector_store", 0.95};
  if (window.name.ends_with(".faiss") || window.name.ends_with(".index")) return Identity{"faiss", "vector_store", 0.7};
  return std::nullopt;
}

// "ET12": ExecuTorch's flatbuffer identifier.
bool IsExecutorch(const FileWindow& window) {
  const auto digit = [&window](size_t at) { return window.head[at] >= '0' && window.head[at] <= '9'; };
  return window.head.size() >= 8 && window.HeadHas(4, "ET") && digit(6) && digit(7);
}

std::optional<Identity> ProbeTail(const FileWindow& window) {
  if (window.TailHas("\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv) && window.name.ends_with(".index"))
    return Identity{"tf_variables", "checkpoint", 0.9};
  if (window.TailHas("LANC") && (window.name.ends_with(".lance") || window.name.ends_with(".manifest")))
    return Identity{"lance", "vector_store", 0.9};
  return std::nullopt;
}

}  // namespace

std::optional<Identity> ProbeMagics(const FileWindow& window) {
  for (const Magic& magic : kMagics) {
    if (!window.HeadHas(magic.offset, magic.bytes)) continue;
    const double confidence = NameHelps(window, magic.format) ? 0.9 : magic.confidence;
    return Identity{magic.format, magic.klass, confidence};
  }
  if (IsExecutorch(window)) return Identity{"executorch", "model", 0.8};
  if (auto faiss = ProbeFaiss(window)) return faiss;
  if (auto hdf5 = ProbeHdf5(window)) return hdf5;
  return ProbeTail(window);
}

}  // namespace tensorwarden
