#include "agent/sensor/send_progress.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "agent/sensor/iterators.h"
#include "bpf/abi/config.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxCarriers = 4096;
constexpr size_t kMaxSockets = 65536;

bool IsStream(const holder_file_record& file) {
  return file.cookie != 0 && file.object == 0 && file.sock.protocol == IPPROTO_TCP && file.sock.peer_port != 0;
}

// Sends from a ring in shared memory: nobody counts it, so it may have sent all.
bool IsRing(const holder_file_record& file) { return file.cookie != 0 && file.sock.family == AF_XDP; }

// Bytes that have left, of those that count.
uint64_t Sent(const holder_file_record& file, uint64_t base) {
  return IsRing(file) ? UINT64_MAX : file.size - std::min<uint64_t>(file.size, base);
}

}  // namespace

void SendProgress::Begin(const ProcessKey& process) {
  if (carriers_.size() >= kMaxCarriers || sockets_ >= kMaxSockets) return;
  const auto [entry, is_new] = carriers_.try_emplace(process);
  if (!is_new) return;
  Bases& bases = entry->second;
  // It may have ended: there is nothing to count then.
  ForEachRecord<holder_file_record>(probes_.Chosen("list_files"), process.tgid, [&](const holder_file_record& file) {
    if (IsStream(file) && bases.try_emplace(file.cookie, file.size).second) ++sockets_;
  }).IgnoreError();
}

void SendProgress::End(const ProcessKey& process) {
  const auto found = carriers_.find(process);
  if (found == carriers_.end()) return;
  sockets_ -= found->second.size();
  carriers_.erase(found);
}

void SendProgress::AddOf(const ProcessKey& process, const Bases& bases, Totals& totals) const {
  const LabelHolder holder = maps_.Holder(process);
  if (holder.labels == 0) return;
  ForEachRecord<holder_file_record>(probes_.Chosen("list_files"), process.tgid, [&](const holder_file_record& file) {
    if (!(IsStream(file) || IsRing(file)) || FromWire(file.process) != process) return;
    const auto base = bases.find(file.cookie);
    const uint64_t sent = Sent(file, base == bases.end() ? 0 : base->second);
    for (const auto& [label, volume] : holder.volumes) {
      uint64_t& counted = totals.counted[{file.cookie, label}];
      const uint64_t more = std::min(sent - std::min(sent, counted), volume);
      if (more == 0) continue;
      EgressTotal& total = Of(process, file, label, volume, totals);
      const uint64_t grown = std::min(total.bytes + more, std::max(volume, total.bytes)) - total.bytes;
      total.bytes += grown;
      counted += grown;
    }
  }).IgnoreError();
}

EgressTotal& SendProgress::Of(const ProcessKey& process, const holder_file_record& file, uint32_t label,
                              uint64_t volume, Totals& totals) const {
  const auto [index, is_new] = totals.index.try_emplace({process, {file.cookie, label}}, totals.all.size());
  if (is_new)
    totals.all.push_back({.socket = file.sock,
                          .process = process,
                          .cookie = file.cookie,
                          .volume = volume,
                          .label = label,
                          .serving = maps_.IsServingPort(file.sock.local_port)});
  return totals.all[index->second];
}

// Of processes that share a socket the youngest: a server's child sends, its parent waits.
std::vector<ProcessKey> SendProgress::YoungestFirst() const {
  std::vector<ProcessKey> order;
  for (const auto& [process, bases] : carriers_)
    if (!maps_.IsConfirmed(process)) order.push_back(process);
  std::sort(order.begin(), order.end(), [](const ProcessKey& a, const ProcessKey& b) {
    return std::pair(a.start_ns, a.tgid) > std::pair(b.start_ns, b.tgid);
  });
  return order;
}

void SendProgress::Add(std::vector<EgressTotal>& all) {
  const std::vector<ProcessKey> order = YoungestFirst();
  if (order.empty()) return;
  Totals totals{.all = all};
  for (size_t i = 0; i < all.size(); ++i) {
    totals.counted[{all[i].cookie, all[i].label}] += all[i].bytes;
    totals.index[{all[i].process, {all[i].cookie, all[i].label}}] = i;
  }
  for (const ProcessKey& process : order) AddOf(process, carriers_.at(process), totals);
}

}  // namespace tensorwarden
