#include "agent/detect/text.h"

#include <fmt/format.h>

namespace tensorwarden {

std::string BytesText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string ShareText(double share) { return fmt::format("{:.1f} %", share * 100); }

std::string StageText(double share) { return fmt::format("{:g}%", share * 100); }

std::string ActorText(const EnrichedEvent& event) {
  const uint32_t pid = event.event->origin.process.tgid;
  if (pid == 0) return "an unknown process";
  if (event.process == nullptr || event.process->comm.empty()) return fmt::format("pid {}", pid);
  return fmt::format("{} (pid {})", event.process->comm, pid);
}

std::string KeyText(const ProcessKey& process) { return fmt::format("{}.{}", process.tgid, process.start_ns); }

std::string AssetText(const AssetInfo& asset) {
  if (asset.path.empty()) return asset.name;
  std::string file = asset.path.substr(asset.path.rfind('/') + 1);
  // Many models are called model.safetensors: the name of their set tells them apart.
  if (asset.name.empty() || asset.name == file) return file;
  return fmt::format("{} ({})", file, asset.name);
}

std::string LabelText(const EnrichedEvent& event) {
  if (event.asset == nullptr && event.label == nullptr) return "a protected file";
  std::string text = event.asset != nullptr ? AssetText(*event.asset) : event.label->name;
  if (event.label != nullptr && event.label->sets > 1)
    text += fmt::format(", or another of the {} sets that share its label,", event.label->sets);
  return text;
}

ProcessKey TreeOf(const EnrichedEvent& event) {
  return event.process == nullptr ? event.event->origin.process : event.process->tree;
}

}  // namespace tensorwarden
