// Bare pickles. Any program may write one, so it is a find only when it names an AI library or its file is called so.
#include <algorithm>
#include <array>

#include "agent/artifact/families.h"
#include "agent/artifact/pickle_walk.h"

namespace tensorwarden {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kTorchMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"sv;
constexpr std::string_view kLibraries[] = {"torch",     "numpy",
                                           "sklearn",   "xgboost",
                                           "lightgbm",  "tensorflow",
                                           "keras",     "transformers",
                                           "joblib",    "scipy",
                                           "catboost",  "jax",
                                           "jaxlib",    "flax",
                                           "paddle",    "pandas",
                                           "peft",      "diffusers",
                                           "fastai",    "gensim",
                                           "langchain", "langchain_community",
                                           "faiss"};
constexpr std::string_view kModelSuffixes[] = {".pt", ".pth", ".ckpt", ".joblib", ".sav", ".distcp", ".pdparams"};
constexpr std::string_view kPickleSuffixes[] = {".pkl", ".pickle", ".dill", ".bin", ".model"};

bool NamesAiLibrary(const PickleWalk& walk) {
  return std::any_of(walk.modules.begin(), walk.modules.end(), [](std::string_view module) {
    const std::string_view top = module.substr(0, module.find('.'));
    return std::find(std::begin(kLibraries), std::end(kLibraries), top) != std::end(kLibraries);
  });
}

template <typename Suffixes>
bool EndsWithOneOf(std::string_view name, const Suffixes& suffixes) {
  return std::any_of(std::begin(suffixes), std::end(suffixes),
                     [name](std::string_view s) { return name.ends_with(s); });
}

// Protocols 0 and 1 begin with any opcode, so text may decode for a while: those must come to their STOP.
bool IsPickle(const FileWindow& window, const PickleWalk& walk) {
  const bool marked = window.head[0] == '\x80' && window.head.size() > 1 && window.head[1] >= 2 && window.head[1] <= 5;
  if (marked) return !walk.invalid && walk.opcodes >= 2;
  return walk.stopped && walk.opcodes >= 3;
}

}  // namespace

std::optional<Identity> ProbePickle(const FileWindow& window) {
  if (window.head.empty()) return std::nullopt;
  const std::string klass = ClassOfWeights(window.name);
  if (window.HeadHas(0, kTorchMagic)) return Identity{"pytorch_legacy", klass, 0.99};
  const PickleWalk walk = WalkPickle(window.head);
  const bool library = NamesAiLibrary(walk);
  // What has named a library before it went wrong has been run so far by a reader.
  if (!IsPickle(window, walk) && !(library && walk.opcodes >= 3)) return std::nullopt;
  if (library) return Identity{"pickle", klass, 0.9};
  if (EndsWithOneOf(window.name, kModelSuffixes)) return Identity{"pickle", klass, 0.7};
  return Identity{"pickle", klass, EndsWithOneOf(window.name, kPickleSuffixes) ? 0.5 : 0.3};
}

}  // namespace tensorwarden
