#include "agent/artifact/identify.h"

#include "agent/artifact/families.h"

namespace tensorwarden {
namespace {

using Probe = std::optional<Identity> (*)(const FileWindow&);

// What only one format has comes first; what others may resemble comes last.
constexpr Probe kProbes[] = {ProbeMagics, ProbeGguf, ProbeZip, ProbeNumpy, ProbeSafetensors, ProbeOnnx, ProbePickle};

}  // namespace

std::string ClassOfWeights(std::string_view lower_name) {
  const auto has = [lower_name](std::string_view part) { return lower_name.find(part) != std::string_view::npos; };
  if (has("adapter") || has("lora")) return "adapter";
  if (has("checkpoint") || has("ckpt") || has("optim") || has("epoch") || has("model_states")) return "checkpoint";
  return "model";
}

absl::StatusOr<Identity> IdentifyFile(int fd, std::string_view name) {
  const auto window = ReadWindow(fd, name);
  if (!window.ok()) return window.status();
  Identity best;
  for (const Probe probe : kProbes) {
    auto identity = probe(*window);
    if (!identity || identity->confidence <= best.confidence) continue;
    best = *std::move(identity);
    if (best.confidence >= 0.9) break;
  }
  return best;
}

}  // namespace tensorwarden
