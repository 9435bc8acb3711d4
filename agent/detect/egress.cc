#include "agent/detect/egress.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>

#include "agent/detect/charge_totals.h"
#include "agent/detect/egress_budget.h"
#include "agent/detect/egress_parts.h"
#include "agent/detect/text.h"
#include "agent/enrich/address_class.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr std::string_view kMagic = "tensorwarden egress 2\n";
constexpr size_t kMaxText = 4096;
constexpr std::string_view kVsockLoopback = "vsock:1:";  // VMADDR_CID_LOCAL
constexpr size_t kPartsPerBudget = 2;
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
        parts_(kPartsPerBudget * config_.max_budgets, longest_ns_, ladder_),
        senders_(config_.max_budgets),
        peers_(config_.max_budgets) {}

  std::string_view Name() const override { return "egress"; }

  KindSet Needs() const override { return kKinds<Egress, ClockTick>; }

  void Observe(const EnrichedEvent& event, std::vector<Finding>& findings) override {
    if (std::holds_alternative<ClockTick>(event.event->body)) return TellNews(event.event->origin.ktime_ns, findings);
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
  using Part = EgressParts::Part;
  enum class Who : uint8_t { kJob, kAllJobs, kPart };
  struct Climb {
    size_t rung = 0;
    uint64_t bytes = 0;
    Who who = Who::kJob;
  };
  // What the words of a finding need.
  struct Matter {
    const EnrichedEvent& event;
    const Egress& egress;
    const EgressBudget& budget;
    std::string destination_class;
    std::string key;
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
  static uint64_t SizeOf(const EnrichedEvent& event) { return event.label == nullptr ? 0 : event.label->ShareSize(); }

  void Charge(const EnrichedEvent& event, const Egress& egress, const std::string& destination_class, uint64_t bytes,
              std::vector<Finding>& findings) {
    const uint64_t now_ns = event.event->origin.ktime_ns;
    const uint64_t size = SizeOf(event);
    const BudgetKey key{SetOf(event, egress), destination_class};
    bytes = Fresh(SenderKey{key, event.event->origin.process}, egress, bytes);
    if (bytes == 0) return;
    EgressBudget& budget = *budgets_.TryEmplace(key, config_.windows).first;
    EgressAccount& account = *matters_.TryEmplace(MatterKey{key, TreeOf(event)}, longest_ns_).first;
    budget.Charge(now_ns, bytes);
    account.sent.Add(now_ns, bytes);
    const Matter matter{event, egress, budget, destination_class,
                        fmt::format("egress:{}:{}:{}", key.set, destination_class, KeyText(TreeOf(event)))};
    const Climb climb = NextRung(budget, account, size);
    if (climb.rung != 0) {
      // Later growth of this job alone says nothing of what all jobs have sent.
      account.Tell(climb.who == Who::kJob ? climb.bytes : 0);
      findings.push_back(Upload(matter, climb, nullptr));
    }
    const size_t all_jobs = climb.who == Who::kAllJobs ? climb.rung : 0;
    const bool of_whole = ChargeParts(matter, {.now_ns = now_ns, .bytes = bytes, .size = size, .all_jobs = all_jobs},
                                      climb.rung != 0, findings);
    if (of_whole && account.HasNews(size))
      account.Hold(Upload(matter, {account.fired, account.sent.Sum(), Who::kJob}, nullptr), now_ns);
  }

  // What was told of the whole hides no part that is a theft by itself. True when the bytes are news of the whole.
  bool ChargeParts(const Matter& matter, EgressParts::Charge charge, bool told, std::vector<Finding>& findings) {
    charge.matter = matter.key;
    charge.destination = matter.egress.socket.peer_address;
    if (matter.event.process != nullptr) charge.uid = matter.event.process->uid;
    const auto [climbed, grown, of_whole] = parts_.Take(charge, told);
    if (climbed.account != nullptr) {
      const uint64_t sent = climbed.account->sent.Sum();
      climbed.account->Tell(sent);
      findings.push_back(Upload(matter, {climbed.rung, sent, Who::kPart}, &climbed));
    }
    for (const Part& part : grown)
      part.account->Hold(Upload(matter, {part.account->fired, part.account->sent.Sum(), Who::kPart}, &part),
                         charge.now_ns);
    return of_whole;
  }

  // Figures that grew without a new rung are told when nothing more comes.
  void TellNews(uint64_t now_ns, std::vector<Finding>& findings) {
    const auto tell = [&](auto& entries) {
      for (auto& [key, account] : entries)
        if (std::unique_ptr<Finding> due = account.TakeDue(now_ns)) findings.push_back(*std::move(due));
    };
    tell(matters_.Entries());
    tell(parts_.Accounts().Entries());
  }

  // What of these bytes the process had not sent before. `volume` 0: it has ended, and held what was known last. What
  // one of its sockets is charged with it has held, whether a record came to tell of it or not.
  uint64_t Fresh(const SenderKey& key, const Egress& egress, uint64_t bytes) {
    Sender& sender = *senders_.TryEmplace(key).first;
    const bool known = sender.volume != 0 || egress.volume != 0;
    if (known) sender.volume = std::max({sender.volume, egress.volume, egress.bytes});
    const uint64_t left = sender.volume - std::min(sender.volume, sender.sent);
    const uint64_t fresh = known ? std::min(bytes, left) : bytes;
    sender.sent += fresh;
    return fresh;
  }

  // The rung that this charge brought, 0 if none. A job climbs by what it sent itself; and the job whose bytes bring
  // the common budget to a new rung is named too, so that a theft split over many small jobs is seen. A job that sends
  // little after another one stole all is not.
  Climb NextRung(EgressBudget& budget, EgressAccount& matter, uint64_t size) const {
    const uint64_t all_bytes = budget.Longest().Sum();
    const size_t all = ladder_.Reached(all_bytes, size);
    const size_t own = ladder_.Reached(matter.sent.Sum(), size);
    const bool budget_climbed = all > budget.fired;
    // What has left the windows may be climbed again.
    budget.fired = all;
    matter.fired = std::min(matter.fired, all);
    if (budget_climbed && all > std::max(own, matter.fired)) {
      matter.fired = all;
      return {all, all_bytes, Who::kAllJobs};
    }
    if (own <= matter.fired) return {};
    matter.fired = own;
    return {own, matter.sent.Sum(), Who::kJob};
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

  // `part`: the finding is about that part of the matter alone; nullptr: about the whole.
  Finding Upload(const Matter& matter, const Climb& climb, const Part* part) const {
    const EnrichedEvent& event = matter.event;
    const uint64_t size = SizeOf(event);
    Finding finding = Base(event, matter.egress, climb.bytes);
    const double rung = config_.ladder[climb.rung - 1];
    const bool mount = matter.destination_class == "mount";
    finding.what = mount ? "remote_mount" : "upload";
    finding.key = part == nullptr ? matter.key : part->key;
    finding.stage = StageText(rung);
    finding.destination_class = matter.destination_class;
    finding.threshold = std::max(rung * static_cast<double>(size), static_cast<double>(config_.min_bytes));
    finding.score = Score(event, finding.share);
    const std::string whole =
        size == 0 ? std::string() : fmt::format(" of {} ({})", BytesText(size), ShareText(finding.share));
    finding.evidence =
        fmt::format("{} {} {}{} of {} to {} within {}", SenderText(event, climb, part), mount ? "wrote" : "sent",
                    BytesText(climb.bytes), whole, LabelText(event), ReceiverText(matter.egress, part),
                    WindowText(matter.budget.WindowOf(climb.rung, ladder_, size).WindowNs()));
    return finding;
  }

  static std::string SenderText(const EnrichedEvent& event, const Climb& climb, const Part* part) {
    if (climb.who == Who::kAllJobs) return ActorText(event) + " and other jobs together";
    if (part == nullptr || part->kind != EgressParts::Kind::kUser || event.process == nullptr) return ActorText(event);
    return fmt::format("user {}, by {},", event.process->uid, ActorText(event));
  }

  static std::string ReceiverText(const Egress& egress, const Part* part) {
    const std::string text = PeerText(egress.socket);
    return part != nullptr && part->kind == EgressParts::Kind::kSmall ? text + " and others that got little" : text;
  }

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
  LruMap<MatterKey, EgressAccount> matters_;
  EgressParts parts_;
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
    matter.Save(writer);
  }
  parts_.Save(writer);
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
  parts_.Clear();
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
    matters_.TryEmplace(key, longest_ns_).first->Restore(reader);
  }
  if (same) parts_.Restore(reader);
  for (size_t left = same ? reader.Count(config_.max_budgets) : 0; left > 0 && reader.ok(); --left) {
    PeerKey key{text(reader), text(reader)};
    Peer& peer = *peers_.TryEmplace(key).first;
    peer.fired = reader.Number() != 0;
    peer.sent.Restore(reader);
  }
  if (same && reader.AtEnd()) return absl::OkStatus();
  budgets_.Clear();
  matters_.Clear();
  parts_.Clear();
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
