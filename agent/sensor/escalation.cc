#include "agent/sensor/escalation.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <utility>

#include "agent/base/clock.h"
#include "agent/sensor/skeleton.h"

namespace tensorwarden {
namespace {

constexpr const char* kGroup = "syscalls";
constexpr const char* kCompatStays = "calls of 32-bit programs show to no other hook";
constexpr std::chrono::milliseconds kCompatPoll{20};  // while the second stage stands

}  // namespace

Escalation::Escalation(const LoadedProbes& probes, const SensorConfig& config, bool permanent)
    : probes_(probes),
      hold_ns_(static_cast<uint64_t>(absl::ToInt64Nanoseconds(config.escalation_hold))),
      stages_(config.escalation_stages),
      permanent_(permanent),
      worker_([this] { Work(); }) {}

Escalation::~Escalation() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    jobs_.clear();
  }
  wake_.notify_one();
  worker_.join();
}

void Escalation::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [this] { return ends_ || !jobs_.empty(); };
    if (second_.empty() || !returns_)
      wake_.wait(lock, has_work);
    else if (!wake_.wait_for(lock, kCompatPoll, has_work)) {
      if (SawCompatCall()) ReturnToFirst(lock);
      continue;
    }
    if (ends_) return;
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

// With the lock held.
void Escalation::Post(std::function<void()> job) {
  jobs_.push_back(std::move(job));
  wake_.notify_one();
}

// With the lock held.
void Escalation::Report(const char* program, std::string why) {
  Event event;
  event.origin.ktime_ns = BoottimeNs();
  event.body = ProbeState{.group = kGroup, .chosen = program, .why = std::move(why)};
  changes_.push_back(std::move(event));
}

int Escalation::Stage() const {
  const std::lock_guard lock(mutex_);
  if (!second_.empty()) return 2;
  return first_.empty() ? 0 : 1;
}

absl::Status Escalation::Raise(uint64_t now_ns, const char* why) {
  last_reason_ns_ = now_ns;
  if (Active()) return absl::OkStatus();
  __atomic_store_n(&probes_.skeleton().bss->compat_calls, 0, __ATOMIC_SEQ_CST);
  absl::StatusOr<Links> first = probes_.Attach(When::kFirstStage);
  if (!first.ok()) return first.status();
  if (first->empty()) return absl::FailedPreconditionError("no system-call hook loaded");
  absl::StatusOr<Links> lasting = probes_.Attach(When::kEscalated);
  absl::Status status = lasting.status();
  const std::lock_guard lock(mutex_);
  first_ = *std::move(first);
  returns_ = true;
  if (status.ok()) lasting_ = *std::move(lasting);
  SetListed(false);
  Report("syscall_exit", why);
  ++generation_;
  if (stages_ > 1) Post([this, generation = generation_] { AttachSecond(generation); });
  return status;
}

// Whose turn it is to count a call while both are attached.
void Escalation::SetListed(bool on) const {
  __atomic_store_n(&probes_.skeleton().bss->listed_calls_stand, on ? 1 : 0, __ATOMIC_SEQ_CST);
}

// On the worker's thread. The first stage is let go only when the second stands, so no call goes unseen.
void Escalation::AttachSecond(uint64_t generation) {
  absl::StatusOr<Links> second = probes_.AttachListedCalls();
  Links gone;
  {
    const std::lock_guard lock(mutex_);
    if (!second.ok()) return Report("syscall_exit", fmt::format("it stays: {}", second.status().ToString()));
    if (second->empty()) return;
    gone = *std::move(second);
    if (SawCompatCall()) {
      Report("syscall_exit", fmt::format("it stays: {}", kCompatStays));
    } else if (generation == generation_ && !first_.empty()) {
      second_ = std::exchange(gone, std::exchange(first_, {}));
      SetListed(true);
      Report("syscall_exit_listed", "the listed calls alone are hooked now");
    }
  }
  gone.clear();  // without the lock: it may take a second
}

bool Escalation::SawCompatCall() const {
  return __atomic_load_n(&probes_.skeleton().bss->compat_calls, __ATOMIC_SEQ_CST) != 0;
}

// On the worker's thread, with the lock held, which is let go meanwhile. Here too no call goes unseen between the two.
void Escalation::ReturnToFirst(std::unique_lock<std::mutex>& lock) {
  const uint64_t generation = generation_;
  lock.unlock();
  absl::StatusOr<Links> first = probes_.Attach(When::kFirstStage);
  Links gone;
  lock.lock();
  if (!first.ok()) {
    returns_ = false;
    return Report("syscall_exit_listed",
                  fmt::format("calls of 32-bit programs go unseen: {}", first.status().ToString()));
  }
  gone = *std::move(first);
  if (generation == generation_ && !second_.empty()) {
    first_ = std::exchange(gone, std::exchange(second_, {}));
    SetListed(false);
    Report("syscall_exit", fmt::format("it is back: {}", kCompatStays));
  }
  lock.unlock();
  gone.clear();
  lock.lock();
}

void Escalation::Tick(uint64_t now_ns, bool has_reason) {
  if (!Active() || permanent_) return;
  if (has_reason) last_reason_ns_ = now_ns;
  if (now_ns - last_reason_ns_ < hold_ns_) return;
  const std::lock_guard lock(mutex_);
  ++generation_;
  Report("", fmt::format("no unconfirmed carrier for {} s", hold_ns_ / 1'000'000'000));
  lasting_
      .clear();  // at once, which these are quick at: a control group takes a program once, and may want it again soon
  auto gone = std::make_shared<Links>(std::exchange(first_, {}));
  std::move(second_.begin(), second_.end(), std::back_inserter(*gone));
  second_.clear();
  Post([gone] { gone->clear(); });
}

void Escalation::TakeChanges(std::vector<Event>& events) {
  const std::lock_guard lock(mutex_);
  events.insert(events.end(), std::make_move_iterator(changes_.begin()), std::make_move_iterator(changes_.end()));
  changes_.clear();
}

}  // namespace tensorwarden
