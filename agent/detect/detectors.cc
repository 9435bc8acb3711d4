#include "agent/detect/detectors.h"

#include <fmt/format.h>

#include "agent/base/state_codec.h"
#include "agent/detect/self.h"

namespace tensorwarden {
namespace {

constexpr std::string_view kMagic = "tensorwarden detectors 1\n";
constexpr size_t kMaxDetectors = 64;
constexpr size_t kMaxState = 256 << 20;

}  // namespace

absl::StatusOr<Detectors> CreateDetectors(EgressConfig egress, IntegrityConfig integrity, ExtractionConfig extraction) {
  Detectors detectors;
  absl::StatusOr<std::unique_ptr<Detector>> made[] = {
      CreateEgressDetector(std::move(egress)),
      CreateIntegrityDetector(integrity),
      CreateExtractionDetector(std::move(extraction)),
      CreateSelfDetector({}),
  };
  for (auto& detector : made) {
    if (!detector.ok()) return detector.status();
    detectors.push_back(std::move(*detector));
  }
  return detectors;
}

std::string SaveDetectors(const Detectors& detectors) {
  StateWriter writer(kMagic);
  writer.Number(detectors.size());
  for (const auto& detector : detectors) {
    writer.Text(detector->Name());
    writer.Text(detector->Save());
  }
  return writer.Finish();
}

absl::Status RestoreDetectors(std::string_view state, const Detectors& detectors) {
  if (state.empty()) return absl::OkStatus();
  StateReader reader(state, kMagic);
  std::string problems;
  for (size_t left = reader.Count(kMaxDetectors); left > 0 && reader.ok(); --left) {
    const std::string_view name = reader.Text(256);
    const std::string_view part = reader.Text(kMaxState);
    for (const auto& detector : detectors) {
      if (!reader.ok() || detector->Name() != name || part.empty()) continue;
      const absl::Status status = detector->Restore(part);
      if (!status.ok()) problems += fmt::format("{}{}", problems.empty() ? "" : "; ", std::string(status.message()));
    }
  }
  if (!reader.AtEnd()) return absl::DataLossError("the detectors' saved state is broken; they start empty");
  return problems.empty() ? absl::OkStatus() : absl::DataLossError(problems);
}

}  // namespace tensorwarden
