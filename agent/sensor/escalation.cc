#include "agent/sensor/escalation.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace tensorwarden {

Escalation::~Escalation() {
  if (detacher_.joinable()) detacher_.join();
}

void Escalation::Report(uint64_t now_ns, const char* program, std::string why) {
  Event event;
  event.origin.ktime_ns = now_ns;
  event.body = ProbeState{.group = "syscalls", .chosen = program, .why = std::move(why)};
  changes_.push_back(std::move(event));
}

absl::Status Escalation::Raise(uint64_t now_ns, const char* why) {
  last_reason_ns_ = now_ns;
  if (Active()) return absl::OkStatus();
  absl::StatusOr<std::vector<Link>> links = probes_.Attach(When::kEscalated);
  if (!links.ok()) return links.status();
  if (links->empty()) return absl::FailedPreconditionError("no system-call hook loaded");
  links_ = *std::move(links);
  Report(now_ns, "syscall_exit", why);
  return absl::OkStatus();
}

void Escalation::Release() {
  if (detacher_.joinable()) detacher_.join();
  detacher_ = std::thread([links = std::exchange(links_, {})]() mutable { links.clear(); });
}

void Escalation::Tick(uint64_t now_ns, bool has_reason) {
  if (!Active() || permanent_) return;
  if (has_reason) last_reason_ns_ = now_ns;
  if (now_ns - last_reason_ns_ < hold_ns_) return;
  Release();
  Report(now_ns, "", fmt::format("no unconfirmed carrier for {} s", hold_ns_ / 1'000'000'000));
}

void Escalation::TakeChanges(std::vector<Event>& events) {
  events.insert(events.end(), std::make_move_iterator(changes_.begin()), std::make_move_iterator(changes_.end()));
  changes_.clear();
}

}  // namespace tensorwarden
