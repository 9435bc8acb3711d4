#include "agent/detect/egress.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>

#include "agent/detect/charge_totals.h"
#include "agent/detect/egress_budget.h"
#include "agent/detect/text.h"
#include "agent/enrich/address_class.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr std::string_view kMagic = "tensorwarden egress 1\n";
constexpr size_t kMaxText = 4096;
constexpr std::string_view kVsockLoopback = "vsock:1:";  // VMADDR_CID_LOCAL
constexpr uint64_t kServingWindowNs = 24ull * 3600 * 1'000'000'000;

uint64_t Nanos(absl::Duration d) { return static_cast<uint64_t>(absl::ToInt64Nanoseconds(d)); }

// Who is charged. The set goes by the path of its first asset: label bits are given anew at every start.
struct BudgetKey {
  std::string set;
  std::string destination_class;
  bool operator==(const BudgetKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const BudgetKey& k) {
    return H::combine(std::move(h), k.set, k.destination_class);
  }
};

// One job's part of a budget: one matter, however many of its processes and sockets it is spread over.
struct MatterKey {
  BudgetKey budget;
  ProcessKey tree;
  bool operator==(const MatterKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const MatterKey& k) {
    return H::combine(std::move(h), k.budget, k.tree);
  }
};

// Who holds 64 KiB of a model gives away no more than those, over however many connections.
struct SenderKey {
  BudgetKey budget;
  ProcessKey process;
  bool operator==(const SenderKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const SenderKey& k) {
    return H::combine(std::move(h), k.budget, k.process);
  }
};

struct Sender {
  uint64_t sent = 0;
  uint64_t volume = 0;  // the most that it was known to hold; 0: not known
};

struct Matter {
  explicit Matter(uint64_t window_ns) : sent(window_ns) {}
  WindowRing sent;
  size_t fired = 0;
};

struct PeerKey {
  std::string set;
  std::string peer;
  bool operator==(const PeerKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const PeerKey& k) {
    return H::combine(std::move(h), k.set, k.peer);
  }
};

struct Peer {
  Peer() : sent(kServingWindowNs) {}
  WindowRing sent;
  bool fired = false;
};

// The kernel does not know where it goes: a raw socket, or a datagram's address that no hook stood to see. "Any
// address" with a port is this host.
bool IsNowhere(const SocketTuple& socket) {
  if (socket.peer_address.empty()) return true;
  return socket.peer_port == 0 && (socket.peer_address == "0.0.0.0" || socket.peer_address == "::");
}

// "loopback" too when both ends are the same address: it never leaves the host. An address that cannot be read is
// public: what is not known must not hide.
std::string ClassOf(const SocketTuple& socket) {
  if (socket.family == EVENT_FAMILY_MOUNT) return "mount";
  if (IsNowhere(socket)) return "public";
  if (socket.leaves) return "public";  // where it really goes is not known
  if (socket.peer_address == socket.local_address || socket.peer_address.starts_with(kVsockLoopback)) return "loopback";
  const std::string_view known = AddressClass(socket.peer_address);
  return std::string(known.empty() ? "public" : known);
}

std::string PeerText(const SocketTuple& socket) {
  if (IsNowhere(socket)) return fmt::format("an unknown destination (socket family {})", socket.family);
  if (socket.family == EVENT_FAMILY_MOUNT) return fmt::format("{} ({})", socket.peer_address, socket.local_address);
  if (socket.family == AF_PACKET) return "an unknown destination, in frames of its own making";
  if (socket.peer_port == 0) return socket.peer_address;
  return fmt::format("{}:{}", socket.peer_address, socket.peer_port);
}

class EgressDetector final : public Detector {
 public:
  explicit EgressDetector(EgressConfig config)
      : config_(std::move(config)),
        ladder_{config_.ladder, config_.min_bytes},
        longest_ns_(Nanos(config_.windows.back())),
        totals_(config_.max_sockets),
        budgets_(config_.max_budgets),
        matters_(config_.max_budgets),
        senders_(config_.max_budgets),
        peers_(config_.max_budgets) {}

  std::string_view Name() const override { return "egress"; }

  KindSet Needs() const override { return kKinds<Egress>; }

  void Observe(const EnrichedEvent& event, std::vector<Finding>& findings) override {
    const Egress* egress = std::get_if<Egress>(&event.event->body);
    if (egress == nullptr) return;
    const uint64_t bytes = totals_.New(event.event->origin, *egress);
    const std::string destination_class = ClassOf(egress->socket);
    if (bytes == 0 || destination_class == "loopback" || StaysWithAsset(event, *egress)) return;
    if (egress->serving) return ChargePeer(event, *egress, destination_class, bytes, findings);
    Charge(event, *egress, destination_class, bytes, findings);
  }

  std::string Save() const override;
  absl::Status Restore(std::string_view state) override;

 private:
  struct Climb {
    size_t rung = 0;
    uint64_t bytes = 0;
    uint64_t window_ns = 0;
    bool own = true;  // this job alone has sent them
  };

  static std::string SetOf(const EnrichedEvent& event, const Egress& egress) {
    if (event.asset != nullptr && !event.asset->path.empty()) return event.asset->path;
    return fmt::format("label {}", egress.label);
  }
  // A copy within the file system that the asset lies on has gone nowhere.
  static bool StaysWithAsset(const EnrichedEvent& event, const Egress& egress) {
    return egress.socket.family == EVENT_FAMILY_MOUNT && event.asset != nullptr &&
           (egress.cookie & ~EVENT_MOUNT_COOKIE) == event.asset->file.dev;
  }
  static uint64_t SizeOf(const EnrichedEvent& event) { return event.label == nullptr ? 0 : event.label->size; }

  void Charge(const EnrichedEvent& event, const Egress& egress, const std::string& destination_class, uint64_t bytes,
              std::vector<Finding>& findings) {
    const uint64_t now_ns = event.event->origin.ktime_ns;
    const uint64_t size = SizeOf(event);
    const BudgetKey key{SetOf(event, egress), destination_class};
    bytes = Fresh(SenderKey{key, event.event->origin.process}, egress.volume, bytes);
    if (bytes == 0) return;
    EgressBudget& budget = *budgets_.TryEmplace(key, config_.windows).first;
    Matter& matter = *matters_.TryEmplace(MatterKey{key, TreeOf(event)}, longest_ns_).first;
    budget.Charge(now_ns, bytes);
    matter.sent.Add(now_ns, bytes);
    const Climb climb = NextRung(budget, matter, size);
    if (climb.rung == 0) return;
    findings.push_back(Upload(event, egress, key, climb));
  }

  // What of these bytes the process had not sent before. `volume` 0: it has ended, and held what was known last.
  uint64_t Fresh(const SenderKey& key, uint64_t volume, uint64_t bytes) {
    Sender& sender = *senders_.TryEmplace(key).first;
    sender.volume = std::max(sender.volume, volume);
    const uint64_t left = sender.volume - std::min(sender.volume, sender.sent);
    const uint64_t fresh = sender.volume == 0 ? bytes : std::min(bytes, left);
    sender.sent += fresh;
    return fresh;
  }

  // The rung that this charge brought, 0 if none. A job climbs by what it sent itself; and the job whose bytes bring
  // the common budget to a new rung is named too, so that a theft split over many small jobs is seen. A job that sends
  // little after another one stole all is not.
  Climb NextRung(EgressBudget& budget, Matter& matter, uint64_t size) {
    const uint64_t all_bytes = budget.Longest().Sum();
    const size_t all = ladder_.Reached(all_bytes, size);
    const size_t own = ladder_.Reached(matter.sent.Sum(), size);
    const bool budget_climbed = all > budget.fired;
    // What has left the windows may be climbed again.
    budget.fired = all;
    matter.fired = std::min(matter.fired, all);
    if (budget_climbed && all > std::max(own, matter.fired)) {
      matter.fired = all;
      return {all, all_bytes, budget.WindowOf(all, ladder_, size).WindowNs(), false};
    }
    if (own <= matter.fired) return {};
    matter.fired = own;
    return {own, matter.sent.Sum(), budget.WindowOf(own, ladder_, size).WindowNs(), true};
  }

  Finding Base(const EnrichedEvent& event, const Egress& egress, uint64_t bytes) const {
    Finding finding;
    finding.kind = "egress";
    finding.process = event.process == nullptr ? event.event->origin.process : event.process->key;
    if (event.asset != nullptr) finding.file = event.asset->file;
    finding.destination = egress.socket.peer_address;
    finding.destination_port = egress.socket.peer_port;
    finding.value = static_cast<double>(bytes);
    finding.unit = "bytes";
    const uint64_t size = SizeOf(event);
    finding.share = size == 0 ? 0 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(size));
    return finding;
  }

  Finding Upload(const EnrichedEvent& event, const Egress& egress, const BudgetKey& key, const Climb& climb) const {
    Finding finding = Base(event, egress, climb.bytes);
    const double rung = config_.ladder[climb.rung - 1];
    finding.what = key.destination_class == "mount" ? "remote_mount" : "upload";
    finding.key = fmt::format("egress:{}:{}:{}", key.set, key.destination_class, KeyText(TreeOf(event)));
    finding.stage = StageText(rung);
    finding.destination_class = key.destination_class;
    finding.threshold = std::max(rung * static_cast<double>(SizeOf(event)), static_cast<double>(config_.min_bytes));
    finding.score = Score(event, finding.share);
    const std::string whole = SizeOf(event) == 0
                                  ? std::string()
                                  : fmt::format(" of {} ({})", BytesText(SizeOf(event)), ShareText(finding.share));
    const std::string_view did = key.destination_class == "mount" ? "wrote" : "sent";
    finding.evidence = fmt::format("{} {} {}{} of {} to {} within {}", climb.own ? ActorText(event) : Crowd(event), did,
                                   BytesText(climb.bytes), whole, LabelText(event), PeerText(egress.socket),
                                   WindowText(climb.window_ns));
    return finding;
  }

  static std::string Crowd(const EnrichedEvent& event) { return ActorText(event) + " and other jobs together"; }

  // The name of the configured window: rings are a little longer.
  std::string WindowText(uint64_t window_ns) const {
    for (absl::Duration window : config_.windows)
      if (Nanos(window) + WindowRing::kBuckets >= window_ns) return absl::FormatDuration(window);
    return absl::FormatDuration(config_.windows.back());
  }

  // The more is gone, the surer; a confirmed workload may have its reasons.
  static double Score(const EnrichedEvent& event, double share) {
    const double score = 0.5 + 0.5 * std::sqrt(share);
    return event.process != nullptr && event.process->role_confirmed ? score * 0.8 : score;
  }

  // Answers leave by serving ports all the time; half a model to one peer in a day is no answer.
  void ChargePeer(const EnrichedEvent& event, const Egress& egress, const std::string& destination_class,
                  uint64_t bytes, std::vector<Finding>& findings) {
    const std::string set = SetOf(event, egress);
    Peer& peer = *peers_.TryEmplace(PeerKey{set, egress.socket.peer_address}).first;
    peer.sent.Add(event.event->origin.ktime_ns, bytes);
    const uint64_t size = SizeOf(event);
    const uint64_t sent = peer.sent.Sum();
    const bool above = size != 0 && sent >= config_.min_bytes &&
                       static_cast<double>(sent) >= config_.serving_share * static_cast<double>(size);
    if (above && !peer.fired) findings.push_back(ServingPort(event, egress, set, destination_class, sent));
    peer.fired = above;
  }

  Finding ServingPort(const EnrichedEvent& event, const Egress& egress, const std::string& set,
                      const std::string& destination_class, uint64_t sent) const {
    Finding finding = Base(event, egress, sent);
    finding.what = "serving_port";
    finding.key = fmt::format("serving:{}:{}", set, egress.socket.peer_address);
    finding.stage = StageText(config_.serving_share);
    finding.destination_class = destination_class;
    finding.threshold = config_.serving_share * static_cast<double>(SizeOf(event));
    finding.score = 0.8;
    finding.evidence = fmt::format("{} sent {}, {} of the size of {}, to {} by serving port {} within a day",
                                   ActorText(event), BytesText(sent), ShareText(finding.share), LabelText(event),
                                   egress.socket.peer_address, egress.socket.local_port);
    return finding;
  }

  EgressConfig config_;
  EgressLadder ladder_;
  uint64_t longest_ns_;
  ChargeTotals totals_;
  LruMap<BudgetKey, EgressBudget> budgets_;
  LruMap<MatterKey, Matter> matters_;
  LruMap<SenderKey, Sender> senders_;
  LruMap<PeerKey, Peer> peers_;
};

std::string EgressDetector::Save() const {
  StateWriter writer(kMagic);
  writer.Number(config_.windows.size());
  for (absl::Duration window : config_.windows) writer.Number(Nanos(window));
  writer.Number(budgets_.Size());
  for (const auto& [key, budget] : budgets_.Entries()) {
    writer.Text(key.set);
    writer.Text(key.destination_class);
    budget.Save(writer);
  }
  writer.Number(matters_.Size());
  for (const auto& [key, matter] : matters_.Entries()) {
    writer.Text(key.budget.set);
    writer.Text(key.budget.destination_class);
    writer.Number(key.tree.tgid);
    writer.Number(key.tree.start_ns);
    writer.Number(matter.fired);
    matter.sent.Save(writer);
  }
  writer.Number(peers_.Size());
  for (const auto& [key, peer] : peers_.Entries()) {
    writer.Text(key.set);
    writer.Text(key.peer);
    writer.Number(peer.fired ? 1 : 0);
    peer.sent.Save(writer);
  }
  return writer.Finish();
}

absl::Status EgressDetector::Restore(std::string_view state) {
  budgets_.Clear();
  matters_.Clear();
  peers_.Clear();
  const auto text = [](StateReader& reader) { return std::string(reader.Text(kMaxText)); };
  StateReader reader(state, kMagic);
  // Other windows than today's: their buckets mean something else.
  bool same = reader.Number() == config_.windows.size();
  for (size_t i = 0; same && i < config_.windows.size(); ++i) same = reader.Number() == Nanos(config_.windows[i]);
  for (size_t left = same ? reader.Count(config_.max_budgets) : 0; left > 0 && reader.ok(); --left) {
    BudgetKey key{text(reader), text(reader)};
    EgressBudget& budget = *budgets_.TryEmplace(key, config_.windows).first;
    budget.Restore(reader);
  }
  for (size_t left = same ? reader.Count(config_.max_budgets) : 0; left > 0 && reader.ok(); --left) {
    MatterKey key{{text(reader), text(reader)}, {}};
    key.tree.tgid = static_cast<uint32_t>(reader.Number());
    key.tree.start_ns = reader.Number();
    Matter& matter = *matters_.TryEmplace(key, longest_ns_).first;
    matter.fired = static_cast<size_t>(reader.Number());
    matter.sent.Restore(reader);
  }
  for (size_t left = same ? reader.Count(config_.max_budgets) : 0; left > 0 && reader.ok(); --left) {
    PeerKey key{text(reader), text(reader)};
    Peer& peer = *peers_.TryEmplace(key).first;
    peer.fired = reader.Number() != 0;
    peer.sent.Restore(reader);
  }
  if (same && reader.AtEnd()) return absl::OkStatus();
  budgets_.Clear();
  matters_.Clear();
  peers_.Clear();
  return absl::DataLossError("egress budgets: the saved state is not of this version or config; they start empty");
}

absl::Status Check(const EgressConfig& config) {
  if (config.ladder.empty() || config.ladder.front() <= 0 || config.ladder.back() > 1 ||
      !std::is_sorted(config.ladder.begin(), config.ladder.end()))
    return absl::InvalidArgumentError("egress ladder: give ascending shares above 0 and up to 1");
  if (config.windows.empty() || config.windows.front() < absl::Seconds(1) ||
      config.windows.back() > absl::Hours(24 * 366) || !std::is_sorted(config.windows.begin(), config.windows.end()))
    return absl::InvalidArgumentError("egress windows: give ascending times from 1 s to a year");
  if (config.max_budgets == 0) return absl::InvalidArgumentError("egress max_budgets must not be 0");
  if (config.max_sockets == 0) return absl::InvalidArgumentError("egress max_sockets must not be 0");
  if (config.serving_share <= 0) return absl::InvalidArgumentError("egress serving_share must be above 0");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Detector>> CreateEgressDetector(EgressConfig config) {
  if (absl::Status status = Check(config); !status.ok()) return status;
  return std::make_unique<EgressDetector>(std::move(config));
}

}  // namespace tensorwarden
