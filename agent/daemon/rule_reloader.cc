#include "agent/daemon/rule_reloader.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/unique_fd.h"

namespace tensorwarden {
namespace {

constexpr int kNice = 10;  // of the thread: Linux keeps it by thread

}  // namespace

struct RuleReloader::Shared {
  void Run();
  void Deliver(CompiledRules rules);

  Loader load;
  UniqueFd ready;
  std::mutex mutex;  // of all below
  std::condition_variable changed;
  bool requested = false;
  bool ends = false;
  std::optional<CompiledRules> result;
  std::vector<std::unique_ptr<RuleSet>> former;
  std::thread thread;  // last: it uses all of the above
};

void RuleReloader::Shared::Run() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  for (;;) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return ends || requested || !former.empty(); });
    if (ends) return;
    const std::vector<std::unique_ptr<RuleSet>> gone = std::exchange(former, {});
    const bool wanted = std::exchange(requested, false);
    lock.unlock();
    if (!wanted) continue;
    const absl::Time begin = absl::Now();
    absl::StatusOr<LoadedRules> rules = load();
    Deliver({std::move(rules), absl::Now() - begin});
  }
}

void RuleReloader::Shared::Deliver(CompiledRules rules) {
  const std::lock_guard lock(mutex);
  result.emplace(std::move(rules));
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(ready.get(), &one, sizeof(one));
}

RuleReloader::RuleReloader(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {
  shared_->thread = std::thread([this] { shared_->Run(); });
}

absl::StatusOr<std::unique_ptr<RuleReloader>> RuleReloader::Create(Loader load) {
  auto shared = std::make_unique<Shared>();
  shared->load = std::move(load);
  shared->ready = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared->ready) return absl::ErrnoToStatus(errno, "eventfd");
  return std::unique_ptr<RuleReloader>(new RuleReloader(std::move(shared)));
}

RuleReloader::~RuleReloader() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->ends = true;
  }
  shared_->changed.notify_one();
  shared_->thread.join();
}

void RuleReloader::Request() {
  const std::lock_guard lock(shared_->mutex);
  shared_->requested = true;
  shared_->changed.notify_one();
}

int RuleReloader::ReadyFd() const { return shared_->ready.get(); }

std::optional<CompiledRules> RuleReloader::Take() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = read(shared_->ready.get(), &count, sizeof(count));
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->result, std::nullopt);
}

void RuleReloader::Dispose(std::unique_ptr<RuleSet> former) {
  const std::lock_guard lock(shared_->mutex);
  shared_->former.push_back(std::move(former));
  shared_->changed.notify_one();
}

}  // namespace tensorwarden
