// Detections become alerts: one matter is one alert with updates, floods are held back, and everything left out is
// counted. Time, names and ids come from events alone, so a replay builds the same alerts.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/alert/alert.h"
#include "agent/alert/alert_facts.h"
#include "agent/base/lru_map.h"
#include "agent/enrich/enriched_event.h"

namespace tensorwarden {

struct AlertBuilderConfig {
  size_t max_matters = 4096;                          // open ones; the one without news for longest is forgotten
  size_t max_suppressions = 16384;                    // (rule, suppress key) pairs that wait
  size_t max_calls = 1024;                            // processes whose last stack is kept for the next alert
  size_t max_destinations = 16384;                    // addresses whose first sight is remembered
  absl::Duration update_interval = absl::Minutes(1);  // between updates without a new stage
  absl::Duration close_after = absl::Hours(1);        // without news
  uint64_t max_opens_per_minute = 100;                // per rule; the excess becomes one summary
};

struct AlertBuilderStats {
  uint64_t opened = 0;
  uint64_t updated = 0;
  uint64_t closed = 0;
  uint64_t evidenced = 0;     // updates that brought evidence; counted in `updated` too
  uint64_t folded = 0;        // matches that said nothing new
  uint64_t suppressed = 0;    // by the rule's own `suppress`
  uint64_t rate_limited = 0;  // opens past max_opens_per_minute
  uint64_t evicted_matters = 0;
  uint64_t evicted_suppressions = 0;
  uint64_t evicted_destinations = 0;
  size_t open_matters = 0;
};

class AlertBuilder {
 public:
  // Errors: InvalidArgument when a bound is zero; the message names it.
  static absl::StatusOr<std::unique_ptr<AlertBuilder>> Create(AlertBuilderConfig config);

  // Call with every event, before its detections: destinations are remembered from sockets, and ticks of the clock
  // append what has waited (folded news, closes, summaries of what was held back). Evidence appends an update of the
  // matters that its cause opened. A reload of rules closes the matters of those that changed, and ends their
  // suppressions.
  void Observe(const EnrichedEvent& event, std::vector<Alert>& alerts);

  // nullopt when this is no news: folded, suppressed or held back.
  //
  // Matches of one rule fold by the detection's fold key. Of findings, the first opens a matter; a stage it has not had
  // makes an update at once, and so do bytes that left and are a hundredth of the asset more than was reported;
  // anything else at most one a minute. A rule with `suppress` alerts once per key and time.
  std::optional<Alert> Take(const Detection& detection, const EnrichedEvent& event);

  AlertBuilderStats Stats() const;

 private:
  struct Matter {
    Alert alert;                      // as of the last news, without the parts that a close does not repeat
    std::vector<std::string> stages;  // that it has had
    uint64_t news_ns = 0;
    uint64_t reported_ns = 0;
    double reported_value = 0;
    bool waiting = false;       // news that were not reported yet
    uint64_t evidence_seq = 0;  // cause of the evidence that is still to come; 0: none
  };
  struct Call {
    size_t kind = 0;  // index of the event's body
    std::vector<uint64_t> stack;
  };
  struct Suppression {
    uint64_t until_ns = 0;
    uint64_t count = 0;
  };
  struct Rate {
    uint64_t window_start_ns = 0;
    uint64_t opened = 0;
    uint64_t held_back = 0;
    Alert last;  // of those held back
  };

  explicit AlertBuilder(const AlertBuilderConfig& config);
  std::optional<Alert> TakeFinding(const Detection& detection, const EnrichedEvent& event);
  std::optional<Alert> TakePlain(const Detection& detection, const EnrichedEvent& event);
  std::optional<Alert> Open(const Detection& detection, const EnrichedEvent& event);
  std::optional<Alert> Update(Matter& matter, const Detection& detection, const EnrichedEvent& event);
  bool MayOpen(const Alert& alert);
  void ReportWaiting(std::vector<Alert>& alerts);
  void ForgetRules(const std::vector<std::string>& rules, const EnrichedEvent& event, std::vector<Alert>& alerts);
  Alert Close(Alert alert, const EnrichedEvent& event, const std::string& why);
  void CloseQuiet(const EnrichedEvent& tick, std::vector<Alert>& alerts);
  void ReportHeldBack(std::vector<Alert>& alerts);
  void SeeCall(const Event& event);
  void WantEvidence(const EnrichedEvent& event, Alert& alert);
  void JoinEvidence(const Evidence& evidence, std::vector<Alert>& alerts);
  void SeeDestination(const SocketTuple& socket, int64_t time_ns);
  std::string Id(const HostModel& host, const std::string& rule, const std::string& key, const Event& cause) const;

  const AlertBuilderConfig config_;
  uint64_t now_ns_ = 0;  // latest boot time of any event: those of one batch are not quite in order
  LruMap<std::string, Matter> matters_;
  LruMap<std::string, Suppression> suppressions_;
  LruMap<std::string, int64_t> first_seen_;  // address -> CLOCK_REALTIME ns
  LruMap<ProcessKey, Call> calls_;           // the last one of each process that may become an alert
  std::map<std::string, Rate> rates_;  // by rule; ordered, so that summaries come in one order; bounded by the rules
  AlertBuilderStats stats_;
};

}  // namespace tensorwarden
