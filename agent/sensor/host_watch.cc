#include "agent/sensor/host_watch.h"

#include <bpf/bpf.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/base/clock.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int kMaxPrograms = 4096;  // in one look; the rest is the next one's

uint64_t SecondsAt(int64_t offset_ns, uint64_t boottime_ns) {
  return static_cast<uint64_t>((offset_ns + static_cast<int64_t>(boottime_ns)) / kNsPerSecond);
}

}  // namespace

HostWatch::HostWatch(bool clock, bool programs) : programs_(programs) {
  if (clock) {
    clock_ = UniqueFd(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
    Arm();
  }
  if (!programs_) return;
  for (uint32_t next = 0; bpf_prog_get_next_id(last_program_, &next) == 0;) last_program_ = next;
}

void HostWatch::Arm() {
  itimerspec never{};
  never.it_value.tv_sec = INT32_MAX;
  never.it_value.tv_sec *= 2;  // beyond 2100
  if (timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) != 0 &&
      errno != ECANCELED)
    clock_ = UniqueFd();
  offset_ns_ = RealtimeOffsetNs();
}

void HostWatch::LookAtClock(std::vector<Event>& events) {
  uint64_t expirations = 0;
  if (read(clock_.get(), &expirations, sizeof(expirations)) >= 0 || errno != ECANCELED) return;
  const int64_t former = offset_ns_;
  Arm();
  const uint64_t now = BoottimeNs();
  Event event{.body = HostChange{
                  .op = EVENT_HOST_CLOCK, .value = SecondsAt(offset_ns_, now), .former = SecondsAt(former, now)}};
  event.origin.ktime_ns = now;
  events.push_back(std::move(event));
}

void HostWatch::LookAtPrograms(std::vector<Event>& events) {
  uint32_t next = 0;
  for (int n = 0; n < kMaxPrograms && bpf_prog_get_next_id(last_program_, &next) == 0; ++n) {
    last_program_ = next;
    const UniqueFd program(bpf_prog_get_fd_by_id(next));
    bpf_prog_info info{};
    uint32_t size = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) continue;  // it is gone again
    Event event{.body = HostChange{.op = EVENT_HOST_BPF,
                                   .value = info.type,
                                   .former = 0,
                                   .name = std::string(info.name, strnlen(info.name, sizeof(info.name)))}};
    event.origin.ktime_ns = BoottimeNs();
    events.push_back(std::move(event));
  }
}

void HostWatch::Fill(ProbeRow& row) const {
  const bool looks = (row.group == "clock" && clock_) || (row.group == "bpf_load" && programs_);
  if (!looks || row.state != "missing") return;
  row.program = row.group == "clock" ? "timerfd" : "ids of programs";
  row.tier = "agent";
  row.state = "attached";
}

void HostWatch::Look(std::vector<Event>& events) {
  if (clock_) LookAtClock(events);
  if (programs_) LookAtPrograms(events);
}

}  // namespace tensorwarden
