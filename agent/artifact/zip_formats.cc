// What the members of a zip file say it is.
#include <algorithm>

#include "agent/artifact/families.h"
#include "agent/artifact/zip_names.h"

namespace tensorwarden {
namespace {

class Members {
 public:
  explicit Members(std::vector<std::string_view> names) : names_(std::move(names)) {}

  bool Has(std::string_view name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }
  // `path` in the root or below one top directory, as PyTorch writes it.
  bool HasBelowTop(std::string_view path) const {
    return Any([path](std::string_view name) { return BelowTop(name) == path || name == path; });
  }
  bool HasDirectoryBelowTop(std::string_view directory) const {
    return Any([directory](std::string_view name) { return BelowTop(name).starts_with(directory); });
  }
  bool AllEndWith(std::string_view suffix) const {
    return std::all_of(names_.begin(), names_.end(),
                       [suffix](std::string_view name) { return name.ends_with(suffix); });
  }

 private:
  static std::string_view BelowTop(std::string_view name) {
    const size_t slash = name.find('/');
    return slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
  }
  template <typename Predicate>
  bool Any(Predicate predicate) const {
    return std::any_of(names_.begin(), names_.end(), predicate);
  }

  std::vector<std::string_view> names_;
};

}  // namespace

std::optional<Identity> ProbeZip(const FileWindow& window) {
  auto names = ZipNames(window);
  if (names.empty()) return std::nullopt;
  const Members members(std::move(names));
  const std::string klass = ClassOfWeights(window.name);
  if (members.HasBelowTop("data.pkl")) {
    if (members.HasBelowTop("constants.pkl") || members.HasDirectoryBelowTop("code/"))
      return Identity{"torchscript_zip", klass, 0.99};
    const bool torch = members.HasBelowTop("version") || members.HasBelowTop("byteorder") ||
                       members.HasDirectoryBelowTop("data/") || members.HasDirectoryBelowTop(".data/");
    return Identity{"pytorch_zip", klass, torch ? 0.99 : 0.7};
  }
  if (members.HasBelowTop("bytecode.pkl") || members.HasBelowTop("constants.pkl"))
    return Identity{"torchscript_zip", klass, 0.9};
  if (members.HasBelowTop(".data/extern_modules") || members.HasBelowTop(".data/python_version"))
    return Identity{"torch_package", klass, 0.9};
  if (members.Has("MAR-INF/MANIFEST.json")) return Identity{"torchserve_mar", "model", 0.95};
  if (members.Has("model.weights.h5") && members.Has("config.json")) return Identity{"keras_zip", klass, 0.95};
  if (members.Has("schema.json") && window.name.ends_with(".skops")) return Identity{"skops", "model", 0.9};
  if (members.AllEndWith(".npy")) return Identity{"npz", "dataset", 0.9};
  return std::nullopt;
}

}  // namespace tensorwarden
