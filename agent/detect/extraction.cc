#include "agent/detect/extraction.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "agent/base/lru_map.h"
#include "agent/detect/client_history.h"
#include "agent/detect/client_summaries.h"
#include "agent/detect/request_shape.h"

namespace tensorwarden {
namespace {

constexpr std::string_view kMagic = "tensorwarden extraction 1\n";
constexpr size_t kMaxLadder = 16;
constexpr size_t kMaxClientName = 512;
constexpr size_t kMaxSaved = 2048;       // clients, the most recently active: state is saved every few seconds
constexpr uint64_t kAdmitRequests = 16;  // from here on a client has a full record
constexpr uint64_t kShapeStep = 64;      // requests between two looks at the shape: each sums 1 024 registers
constexpr uint64_t kHourNs = 3600ull * 1'000'000'000;
// A client without a history counts as one that was silent only if the agent was there to hear it: after a start
// everybody is new. So newcomers are judged from ten minutes of watching on.
constexpr uint64_t kWatchedNs = 600ull * 1'000'000'000;
constexpr uint64_t kGrowthHoldNs = 24 * kHourNs;  // growth raises the volume rungs of the day after it
constexpr uint64_t kShapeWindows = 4;             // windows that a shape is gathered over, so that slow ones have one

constexpr double kVolumeScore = 0.3;
constexpr double kGrowthScore = 0.6;
constexpr double kShapeScore = 0.9;

uint64_t Nanos(absl::Duration d) { return static_cast<uint64_t>(absl::ToInt64Nanoseconds(d)); }

// Health checks, scrapers and listings ask by the thousand and learn nothing of the model.
bool IsQuestion(const HttpRequest& request) {
  if (request.method == "OPTIONS") return false;
  if (request.method != "GET" && request.method != "HEAD") return true;
  constexpr std::string_view kHousekeeping[] = {"/",        "/health",    "/healthz", "/metrics",    "/ping",
                                                "/ready",   "/readyz",    "/live",    "/livez",      "/status",
                                                "/version", "/v1/models", "/info",    "/favicon.ico"};
  if (request.path.starts_with("/v2/health/")) return false;
  return std::find(std::begin(kHousekeeping), std::end(kHousekeeping), request.path) == std::end(kHousekeeping);
}

// About 2.2 KiB with its registers: 168 + 24 counts of 4 bytes, 8 prefix counters of 24, 1 KiB of registers, the name.
struct Client {
  Client(uint64_t window_ns, uint64_t burst_ns, uint64_t now_ns)
      : history(window_ns, burst_ns, now_ns), shape_since_ns(now_ns) {}

  ClientHistory history;
  RequestShape shape;
  uint64_t shape_since_ns;
  uint64_t burst_ns = 0;  // when the finding was last made; 0 never
  uint64_t template_ns = 0;
  std::vector<uint64_t> rung_ns;  // the same, per rung of the ladder
};

class ExtractionDetector final : public Detector {
 public:
  explicit ExtractionDetector(ExtractionConfig config)
      : config_(std::move(config)),
        window_ns_(Nanos(config_.window)),
        clients_(config_.max_clients),
        summaries_(config_.max_summaries, window_ns_) {
    clients_.OnEvict([this](auto& entry) { Summarise(entry.first, entry.second); });
  }

  std::string_view Name() const override { return "extraction"; }

  // The first event of all is when watching began.
  KindSet Needs() const override { return kKinds<AgentStart, ClockTick, HttpRequest>; }

  void Observe(const EnrichedEvent& event, std::vector<Finding>& findings) override {
    const uint64_t now_ns = event.event->origin.ktime_ns;
    if (since_ns_ == 0) since_ns_ = now_ns;
    const auto* request = std::get_if<HttpRequest>(&event.event->body);
    if (request == nullptr || request->client.empty() || !IsQuestion(*request)) return;
    Client* client = Admit(request->client.substr(0, kMaxClientName), now_ns);
    if (client == nullptr) return;
    client->history.Add(now_ns);
    AddShape(*client, *request, now_ns);
    const size_t first = findings.size();
    JudgeTemplate(*client, now_ns, findings);
    JudgeBurst(*client, now_ns, findings);
    JudgeVolume(*client, now_ns, findings);
    for (size_t i = first; i < findings.size(); ++i) Complete(event, *request, findings[i]);
  }

  std::string Save() const override;
  absl::Status Restore(std::string_view state) override;

 private:
  // The full record of a client that has earned one; else it is counted in its summary.
  Client* Admit(const std::string& name, uint64_t now_ns) {
    if (Client* known = clients_.Find(name)) return known;
    ClientSummary& summary = summaries_.Touch(name, now_ns);
    if (summary.requests + 1 < kAdmitRequests) {
      ++summary.requests;
      return nullptr;
    }
    const ClientSummary before = std::exchange(summary, {});
    Client* client = clients_.TryEmplace(name, window_ns_, Nanos(config_.burst_window), now_ns).first;
    client->history.Inherit(before.first_ns, before.requests, before.level);
    client->rung_ns.resize(config_.ladder.size());
    return client;
  }

  void Summarise(const std::string& name, const Client& client) {
    ClientSummary& summary = summaries_.Touch(name, client.history.LastNs());
    summary.first_ns = client.history.FirstNs();
    summary.requests = static_cast<uint32_t>(std::min<uint64_t>(client.history.InWindow(), UINT32_MAX));
    summary.level = static_cast<float>(client.history.Level());
  }

  void AddShape(Client& client, const HttpRequest& request, uint64_t now_ns) const {
    if (request.body_hash == 0) return;
    if (now_ns > client.shape_since_ns + kShapeWindows * window_ns_) {
      client.shape = {};
      client.shape_since_ns = now_ns;
    }
    client.shape.Add(request.prefix_hash, request.body_hash);
  }

  bool Repeats(uint64_t last_ns, uint64_t hold_ns, uint64_t now_ns) const {
    return last_ns != 0 && now_ns < last_ns + hold_ns;
  }
  bool HasTemplate(const Client& client, uint64_t now_ns) const {
    return Repeats(client.template_ns, window_ns_, now_ns);
  }
  bool HasGrown(const Client& client, uint64_t now_ns) const {
    return Repeats(client.burst_ns, kGrowthHoldNs, now_ns) ||
           client.history.SlotIsGrowth(config_.history_sigma, config_.burst_requests);
  }

  void JudgeTemplate(Client& client, uint64_t now_ns, std::vector<Finding>& findings) {
    const RequestShape& shape = client.shape;
    const uint64_t asked = shape.Requests();
    if (asked < config_.template_min_requests || (asked - config_.template_min_requests) % kShapeStep != 0) return;
    if (HasTemplate(client, now_ns) || shape.TopPrefixShare() < config_.template_share) return;
    if (shape.HighDistinctRatio() < config_.template_distinct) return;
    client.template_ns = now_ns;
    Finding finding = Make("template", "template", kShapeScore);
    finding.value = shape.TopPrefixShare();
    finding.threshold = config_.template_share;
    finding.unit = "share";
    finding.evidence = fmt::format(
        "asked {} times; {:.0f} % of the questions begin alike and about {:.0f} % of all are different: one template "
        "with ever new fillings",
        asked, shape.TopPrefixShare() * 100, shape.DistinctRatio() * 100);
    findings.push_back(std::move(finding));
  }

  void JudgeBurst(Client& client, uint64_t now_ns, std::vector<Finding>& findings) {
    const ClientHistory& history = client.history;
    if (history.InBurst() <= config_.burst_requests || Repeats(client.burst_ns, kHourNs, now_ns)) return;
    const bool newcomer = history.FirstNs() >= since_ns_ + kWatchedNs;
    if (!history.BurstIsGrowth(config_.history_sigma, newcomer)) return;
    client.burst_ns = now_ns;
    Finding finding = Make("burst", "burst", HasTemplate(client, now_ns) ? kShapeScore : kGrowthScore);
    finding.value = static_cast<double>(history.InBurst());
    finding.threshold = static_cast<double>(config_.burst_requests);
    finding.unit = "requests";
    finding.evidence = fmt::format("asked {} times within {}; usual are {:.1f}", history.InBurst(),
                                   absl::FormatDuration(config_.burst_window), history.UsualInBurst());
    findings.push_back(std::move(finding));
  }

  void JudgeVolume(Client& client, uint64_t now_ns, std::vector<Finding>& findings) {
    const uint64_t asked = client.history.InWindow();
    const auto above = std::upper_bound(config_.ladder.begin(), config_.ladder.end(), asked);
    if (above == config_.ladder.begin()) return;
    const auto rung = static_cast<size_t>(above - config_.ladder.begin()) - 1;
    // Once per rung and window: a client that hovers about a rung would pass it again and again.
    if (Repeats(client.rung_ns[rung], window_ns_, now_ns)) return;
    for (size_t i = 0; i <= rung; ++i) client.rung_ns[i] = now_ns;
    double score = kVolumeScore;
    const char* why = "";
    if (HasTemplate(client, now_ns)) {
      score = kShapeScore;
      why = ", by one template";
    } else if (HasGrown(client, now_ns)) {
      score = kGrowthScore;
      why = ", far more than it used to";
    }
    Finding finding = Make("volume", fmt::format("{}", config_.ladder[rung]), score);
    finding.value = static_cast<double>(asked);
    finding.threshold = static_cast<double>(config_.ladder[rung]);
    finding.unit = "requests";
    finding.evidence = fmt::format("asked {} times within {}{}", asked, absl::FormatDuration(config_.window), why);
    findings.push_back(std::move(finding));
  }

  static Finding Make(std::string what, std::string stage, double score) {
    Finding finding;
    finding.kind = "extraction";
    finding.what = std::move(what);
    finding.stage = std::move(stage);
    finding.score = score;
    return finding;
  }

  static void Complete(const EnrichedEvent& event, const HttpRequest& request, Finding& finding) {
    const std::string client = request.client.substr(0, kMaxClientName);
    finding.key = "extraction:" + client;
    finding.client = client;
    finding.process = event.process == nullptr ? event.event->origin.process : event.process->key;
    finding.evidence = fmt::format("client {} {}", client, finding.evidence);
  }

  ExtractionConfig config_;
  uint64_t window_ns_;
  uint64_t since_ns_ = 0;  // watching since
  LruMap<std::string, Client> clients_;
  ClientSummaries summaries_;
};

std::string ExtractionDetector::Save() const {
  StateWriter writer(kMagic);
  for (uint64_t fact : {window_ns_, Nanos(config_.burst_window), uint64_t{config_.ladder.size()}}) writer.Number(fact);
  writer.Number(since_ns_);
  const size_t count = std::min(clients_.Size(), kMaxSaved);
  writer.Number(count);
  auto it = clients_.Entries().begin();
  std::advance(it, clients_.Size() - count);
  for (; it != clients_.Entries().end(); ++it) {
    const Client& client = it->second;
    writer.Text(it->first);
    client.history.Save(writer);
    client.shape.Save(writer);
    for (uint64_t time : {client.shape_since_ns, client.burst_ns, client.template_ns}) writer.Number(time);
    for (uint64_t time : client.rung_ns) writer.Number(time);
  }
  return writer.Finish();
}

absl::Status ExtractionDetector::Restore(std::string_view state) {
  clients_.Clear();
  StateReader reader(state, kMagic);
  bool same = true;  // other settings: the counts mean something else
  for (uint64_t fact : {window_ns_, Nanos(config_.burst_window), uint64_t{config_.ladder.size()}})
    same = reader.Number() == fact && same;
  const uint64_t since_ns = reader.Number();
  for (size_t left = same ? reader.Count(kMaxSaved) : 0; left > 0 && reader.ok(); --left) {
    const std::string name(reader.Text(kMaxClientName));
    Client& client = *clients_.TryEmplace(name, window_ns_, Nanos(config_.burst_window), uint64_t{0}).first;
    client.history.Restore(reader);
    client.shape.Restore(reader);
    for (uint64_t* time : {&client.shape_since_ns, &client.burst_ns, &client.template_ns}) *time = reader.Number();
    client.rung_ns.resize(config_.ladder.size());
    for (uint64_t& time : client.rung_ns) time = reader.Number();
  }
  if (same && reader.AtEnd()) {
    since_ns_ = since_ns;
    return absl::OkStatus();
  }
  clients_.Clear();
  return absl::DataLossError("client histories: the saved state is not of this version or config; they start empty");
}

absl::Status Check(const ExtractionConfig& config) {
  const auto bad = [](const char* why) { return absl::InvalidArgumentError(std::string("extraction ") + why); };
  if (config.ladder.empty() || config.ladder.size() > kMaxLadder || config.ladder.front() == 0 ||
      !std::is_sorted(config.ladder.begin(), config.ladder.end()))
    return bad("ladder: give up to 16 ascending numbers of requests above 0");
  if (config.window < absl::Minutes(1) || config.window > absl::Hours(24 * 366))
    return bad("window: give a time from 1 minute to a year");
  if (config.burst_window < absl::Seconds(1) || config.burst_window > config.window)
    return bad("burst_window: give a time from 1 s to the window");
  if (config.burst_requests == 0) return bad("burst_requests must not be 0");
  if (config.template_min_requests == 0) return bad("template_min_requests must not be 0");
  if (config.template_share <= 0 || config.template_share > 1) return bad("template_share must be above 0, up to 1");
  if (config.template_distinct <= 0 || config.template_distinct > 1)
    return bad("template_distinct must be above 0, up to 1");
  if (config.history_sigma <= 0) return bad("history_sigma must be above 0");
  if (config.max_clients == 0) return bad("max_clients must not be 0");
  if (config.max_summaries == 0) return bad("max_summaries must not be 0");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Detector>> CreateExtractionDetector(ExtractionConfig config) {
  if (absl::Status status = Check(config); !status.ok()) return status;
  return std::make_unique<ExtractionDetector>(std::move(config));
}

}  // namespace tensorwarden
