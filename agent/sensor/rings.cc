#include "agent/sensor/rings.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "agent/event/decode.h"

namespace tensorwarden {
namespace {

constexpr long kBulkPollNs = 50'000'000;

}  // namespace

void Rings::Deleter::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }

Rings::~Rings() = default;

absl::Status Rings::Open(int map_fd, Ring& ring) {
  ring.reset(ring_buffer__new(map_fd, &Rings::OnRecord, this, nullptr));
  if (ring == nullptr) return absl::ErrnoToStatus(errno, "open ring buffer");
  const int fd = ring_buffer__epoll_fd(ring.get());
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return absl::ErrnoToStatus(errno, "poll ring buffer");
  return absl::OkStatus();
}

absl::Status Rings::StartTimer() {
  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const itimerspec period{.it_interval = {.tv_sec = 0, .tv_nsec = kBulkPollNs},
                          .it_value = {.tv_sec = 0, .tv_nsec = kBulkPollNs}};
  epoll_event event{.events = EPOLLIN, .data = {.fd = timer_.get()}};
  if (!timer_ || timerfd_settime(timer_.get(), 0, &period, nullptr) != 0 ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &event) != 0)
    return absl::ErrnoToStatus(errno, "start the bulk ring's timer");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Rings>> Rings::Create(int urgent_map_fd, int bulk_map_fd) {
  auto rings = std::unique_ptr<Rings>(new Rings);
  rings->epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!rings->epoll_) return absl::ErrnoToStatus(errno, "epoll_create1");
  if (absl::Status status = rings->Open(urgent_map_fd, rings->urgent_); !status.ok()) return status;
  if (absl::Status status = rings->Open(bulk_map_fd, rings->bulk_); !status.ok()) return status;
  if (absl::Status status = rings->StartTimer(); !status.ok()) return status;
  return rings;
}

// libbpf goes on while the probes produce; a negative answer stops it, with this record consumed.
int Rings::OnRecord(void* context, void* bytes, size_t size) {
  Rings& rings = *static_cast<Rings*>(context);
  absl::StatusOr<Event> event = DecodeEvent(std::span(static_cast<const std::byte*>(bytes), size));
  if (event.ok())
    rings.batch_.push_back(*std::move(event));
  else
    ++rings.stats_.undecodable;
  return ++rings.taken_ >= rings.limit_ ? -ECANCELED : 0;
}

size_t Rings::DrainOne(ring_buffer* ring, size_t max) {
  taken_ = 0;
  limit_ = max;
  if (max > 0) ring_buffer__consume(ring);
  stats_.records += taken_;
  return taken_;
}

// Events are big, so an order of indexes is sorted and each event moved once.
void Rings::MoveSorted(std::vector<Event>& events) {
  std::vector<std::pair<uint64_t, uint32_t>> order;
  order.reserve(batch_.size());
  for (uint32_t i = 0; i < batch_.size(); ++i) order.emplace_back(batch_[i].origin.ktime_ns, i);
  if (!std::is_sorted(order.begin(), order.end())) std::sort(order.begin(), order.end());
  events.reserve(events.size() + order.size());
  for (const auto& [ktime_ns, i] : order) events.push_back(std::move(batch_[i]));
  batch_.clear();
}

size_t Rings::Drain(size_t max, std::vector<Event>& events) {
  uint64_t expirations = 0;
  [[maybe_unused]] const ssize_t ignored = read(timer_.get(), &expirations, sizeof(expirations));
  const size_t urgent = DrainOne(urgent_.get(), max - max / 4);
  const size_t bulk = DrainOne(bulk_.get(), max - urgent);
  MoveSorted(events);
  return urgent + bulk;
}

}  // namespace tensorwarden
