#include <fmt/format.h>
#include <sys/utsname.h>

#include "agent/sensor/live_sensor.h"

namespace tensorwarden {

absl::StatusOr<SensorCheck> CheckSensor(const SensorConfig& config) {
  absl::StatusOr<std::unique_ptr<LiveSensor>> sensor = LiveSensor::Create(config, SensorPaths{});
  if (!sensor.ok()) return sensor.status();
  utsname name{};
  uname(&name);
  SensorCheck check{.kernel = fmt::format("{} {}", name.release, name.machine),
                    .capabilities = (*sensor)->capabilities(),
                    .probes = {}};
  // Attached once, so that the answer rests on a trial here too.
  const absl::Status escalated = (*sensor)->Escalate();
  check.probes = (*sensor)->Probes();
  for (ProbeRow& row : check.probes) {
    if (row.group != "syscalls" && row.group != "listed_syscalls") continue;
    row.state = escalated.ok() ? "on demand" : "missing";
    if (!escalated.ok() && row.why.empty()) row.why = std::string(escalated.message());
  }
  return check;
}

}  // namespace tensorwarden
