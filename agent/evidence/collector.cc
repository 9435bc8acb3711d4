#include "agent/evidence/collector.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "agent/evidence/look.h"

namespace tensorwarden {
namespace {

constexpr std::chrono::seconds kPatience{1};  // at the end, for a thread that reads

}  // namespace

// Of the agent's thread and the collector's; whichever lives longer ends it.
struct EvidenceCollector::Shared {
  explicit Shared(EvidenceConfig c) : config(std::move(c)) {}

  void Run();
  std::deque<std::pair<uint64_t, EvidenceWish>> TakeWishes(bool wait, bool& idle);
  void Deliver(uint64_t number, Collected collected);

  const EvidenceConfig config;
  UniqueFd ready;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<uint64_t, EvidenceWish>> wishes;
  std::vector<std::pair<uint64_t, Collected>> answers;
  bool stopping = false;
  bool stopped = false;
};

// `idle`: nothing came for as long as the helper may live without work.
std::deque<std::pair<uint64_t, EvidenceWish>> EvidenceCollector::Shared::TakeWishes(bool wait, bool& idle) {
  std::unique_lock lock(mutex);
  const auto limit = absl::ToChronoNanoseconds(config.helper_idle);
  if (wait) idle = !changed.wait_for(lock, limit, [this] { return stopping || !wishes.empty(); });
  return std::exchange(wishes, {});
}

void EvidenceCollector::Shared::Deliver(uint64_t number, Collected collected) {
  const std::lock_guard lock(mutex);
  answers.emplace_back(number, std::move(collected));
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(ready.get(), &one, sizeof(one));
}

// All who wait are looked at before anybody's symbols are asked for: processes end.
void EvidenceCollector::Shared::Run() {
  SymbolClient symbols(config.symbols);
  std::deque<std::pair<uint64_t, Look>> looks;
  for (;;) {
    bool idle = false;
    for (const auto& [number, wish] : TakeWishes(looks.empty(), idle)) looks.emplace_back(number, LookAt(config, wish));
    if (idle) symbols.Stop();
    if (!looks.empty()) {
      Deliver(looks.front().first, Finish(std::move(looks.front().second), symbols));
      looks.pop_front();
    }
    const std::lock_guard lock(mutex);
    if (stopping) break;
  }
  symbols.Stop();
  const std::lock_guard lock(mutex);
  stopped = true;
  changed.notify_all();
}

absl::StatusOr<std::unique_ptr<EvidenceCollector>> EvidenceCollector::Create(EvidenceConfig config) {
  auto shared = std::make_shared<Shared>(std::move(config));
  shared->ready = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared->ready) return absl::ErrnoToStatus(errno, "eventfd");
  std::thread([shared] { shared->Run(); }).detach();
  return std::unique_ptr<EvidenceCollector>(new EvidenceCollector(std::move(shared)));
}

EvidenceCollector::~EvidenceCollector() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, kPatience, [this] { return shared_->stopped; });
}

int EvidenceCollector::ReadyFd() const { return shared_->ready.get(); }

void EvidenceCollector::Want(EvidenceWish wish) {
  ++stats_.wanted;
  if (waiting_.size() >= shared_->config.max_waiting) {
    ++stats_.crowded;
    bare_.push_back(Bare(wish, "too many alerts at once"));
    return;
  }
  const uint64_t number = ++last_number_;
  waiting_[number] = {wish, absl::Now() + shared_->config.deadline};
  const std::lock_guard lock(shared_->mutex);
  shared_->wishes.emplace_back(number, std::move(wish));
  shared_->changed.notify_all();
}

std::vector<Collected> EvidenceCollector::Take() {
  std::vector<Collected> taken = std::exchange(bare_, {});
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = read(shared_->ready.get(), &count, sizeof(count));
  std::vector<std::pair<uint64_t, Collected>> answers;
  {
    const std::lock_guard lock(shared_->mutex);
    answers = std::exchange(shared_->answers, {});
  }
  for (auto& [number, collected] : answers)
    if (waiting_.erase(number) != 0) taken.push_back(std::move(collected));
  for (auto it = waiting_.begin(); it != waiting_.end() && it->second.until <= absl::Now();) {
    ++stats_.late;
    taken.push_back(Bare(it->second.wish, "it could not be looked at in time"));
    it = waiting_.erase(it);
  }
  return taken;
}

}  // namespace tensorwarden
