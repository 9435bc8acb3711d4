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

void SendProgress::AddOf(const ProcessKey& process, const Bases& bases,
                         absl::flat_hash_map<std::pair<uint64_t, uint32_t>, size_t>& known,
                         std::vector<EgressTotal>& totals) const {
  const LabelHolder holder = maps_.Holder(process);
  if (holder.labels == 0) return;
  ForEachRecord<holder_file_record>(probes_.Chosen("list_files"), process.tgid, [&](const holder_file_record& file) {
    if (!(IsStream(file) || IsRing(file)) || FromWire(file.process) != process) return;
    const auto base = bases.find(file.cookie);
    const uint64_t sent = Sent(file, base == bases.end() ? 0 : base->second);
    if (sent == 0) return;
    for (const auto& [label, volume] : holder.volumes) {
      const uint64_t bytes = std::min(sent, volume);
      if (const auto total = known.find({file.cookie, label}); total != known.end()) {
        totals[total->second].bytes = std::max(totals[total->second].bytes, bytes);
        continue;
      }
      EgressTotal total{.process = process, .cookie = file.cookie, .bytes = bytes, .volume = volume, .label = label};
      total.socket = file.sock;
      total.serving = maps_.IsServingPort(file.sock.local_port);
      totals.push_back(total);
    }
  }).IgnoreError();
}

void SendProgress::Add(std::vector<EgressTotal>& totals) {
  absl::flat_hash_map<ProcessKey, absl::flat_hash_map<std::pair<uint64_t, uint32_t>, size_t>> known;
  for (size_t i = 0; i < totals.size(); ++i)
    if (carriers_.contains(totals[i].process)) known[totals[i].process][{totals[i].cookie, totals[i].label}] = i;
  for (const auto& [process, bases] : carriers_)
    if (!maps_.IsConfirmed(process)) AddOf(process, bases, known[process], totals);
}

}  // namespace tensorwarden
