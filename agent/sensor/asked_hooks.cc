#include "agent/sensor/asked_hooks.h"

#include <utility>

namespace tensorwarden {

absl::Status AskedHooks::Set(When when, bool wanted, Links& links) {
  if (!wanted) links.clear();
  if (!wanted || !links.empty()) return absl::OkStatus();
  absl::StatusOr<Links> attached = probes_.Attach(when);
  if (!attached.ok()) return attached.status();
  links = *std::move(attached);
  return absl::OkStatus();
}

// What is new first: when it cannot be had, nothing has been let go of.
absl::Status AskedHooks::Ask(const SensorDemand& demand) {
  const bool had_dns = !dns_.empty();
  if (demand.dns) {
    if (absl::Status status = Set(When::kDns, true, dns_); !status.ok()) return status;
  }
  if (demand.opens) {
    if (absl::Status status = Set(When::kOpens, true, opens_); !status.ok()) {
      if (!had_dns) dns_.clear();
      return status;
    }
  }
  demand_ = demand;
  if (!demand.opens) opens_.clear();
  if (!demand.dns && !escalated_) dns_.clear();
  return absl::OkStatus();
}

absl::Status AskedHooks::FollowEscalation(bool active) {
  if (active == escalated_) return absl::OkStatus();
  escalated_ = active;
  return Set(When::kDns, demand_.dns || active, dns_);
}

bool AskedHooks::Stand(When when) const {
  if (when == When::kOpens) return !opens_.empty();
  return when == When::kDns && !dns_.empty();
}

}  // namespace tensorwarden
