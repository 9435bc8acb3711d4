// Rule files, compiled: which rules does an event match?
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/enrich/field_table.h"

namespace tensorwarden {

namespace rules {
class RuleMemory;
}

enum class Priority : uint8_t { kEmergency, kAlert, kCritical, kError, kWarning, kNotice, kInformational, kDebug };
const char* PriorityName(Priority priority);  // Falco's spelling: "Critical"
// In any case of letters; also "Info". nullopt when it is none.
std::optional<Priority> ParsePriority(std::string_view name);

// A rule's fixed text, shared by all of its detections.
struct RuleInfo {
  std::string name;
  std::string description;
  Priority priority = Priority::kNotice;
  std::vector<std::string> tags;
  std::string output;                        // with %fields
  std::string next_step;                     // `response:` what a human should do
  std::vector<std::string> false_positives;  // `false_positives:`
  std::vector<std::string> suppress_by;      // fields
  uint64_t suppress_ns = 0;                  // 0 = every match alerts
  bool capture = false;                      // its alerts save a slice of the flight recorder
  uint64_t capture_ns = 0;                   // that goes on for this long; 0 = as configured
  std::string file;
  int line = 0;
};

// A rule that matched, with its evidence. Pointers live as long as the RuleSet.
struct Detection {
  const RuleInfo* rule = nullptr;
  std::string output;                                              // filled in
  std::vector<std::pair<std::string, std::string>> output_fields;  // in order of appearance
  // The suppress_by fields, else of a rule with memory its `by` fields, else finding.key; "" = each match stands alone.
  std::string fold_key;
  std::string evidence;  // of a rule with memory: a sentence with the figures that made it fire
};

struct RuleFile {
  std::string path;
  std::string text;
};

// One line: `path:line:column: message`, with the fix where one is known; without a line, `path: message`.
struct RuleProblem {
  std::string path;
  int line = 0;
  int column = 0;
  std::string message;
  bool error = true;
  std::string source_line;  // what stands there
};
// `path:line:column: message` alone, and with the source line and a caret below it.
std::string ProblemLine(const RuleProblem& problem);
std::string ProblemWithCaret(const RuleProblem& problem);

// Switches rules on or off: those that fit all that is given. Later switches win.
struct RuleSwitch {
  bool enable = false;
  std::string name;  // with wildcards * ? [a-z]; "" any
  std::string tag;   // likewise
  // Where it was asked for, for a warning that it fits no rule: a file, or an option.
  std::string path;
  int line = 0;  // 0: it has none
  int column = 0;
};
// "NAME" or "tag:TAG". Errors: InvalidArgument when either is empty.
absl::StatusOr<RuleSwitch> ParseRuleSwitch(std::string_view text, bool enable);

// Of each rule with memory. What was used least recently goes first, and is counted.
struct RuleMemoryLimits {
  static constexpr size_t kMost = 1 << 16;
  size_t keys = 4096;            // combinations of its `by` fields
  size_t values = kMost;         // that all keys hold together: different values, learned ones
  size_t values_per_key = 1024;  // learned ones
};

struct RuleOptions {
  std::vector<RuleSwitch> switches;
  Priority minimum = Priority::kDebug;  // rules below it are not loaded
  bool first_match_only = false;        // of the rules that match an event, only the first in file order alerts
  int64_t now_ns = 0;                   // CLOCK_REALTIME, to warn of exceptions that expired; 0: no such warnings
  RuleMemoryLimits memory;
};

struct RuleMemoryStats {
  std::string rule;
  size_t keys = 0;
  size_t values = 0;
  uint64_t evicted_keys = 0;
  uint64_t evicted_values = 0;  // of keys that stayed
  uint64_t uncounted = 0;       // events that fit, without one of the fields that they are counted by
  size_t unsaved_keys = 0;      // left out of the last saved state, which was full
};

// What the rules need of the sensor, beyond what the detectors always need.
struct RuleNeeds {
  // Connects, accepts, binds and closes: of nobody, of processes with the role or name of an AI workload, of all.
  enum class Connections : uint8_t { kNone, kOfWorkloads, kAll };

  uint64_t kinds = 0;  // bit set of event variant indexes that some rule may match
  Connections connections = Connections::kNone;
};

// What rules hand over to the next set of rules.
struct RuleLegacy {
  struct Rule {
    std::string name;
    std::pair<uint64_t, uint64_t> definition;   // digest of what decides which events count, and how
    std::shared_ptr<rules::RuleMemory> memory;  // nullptr of a rule without
    uint64_t uncounted = 0;
  };
  std::vector<Rule> rules;
  int64_t now_ns = 0;
};

class RuleSet {
 public:
  // Later files override earlier ones. `problems` gets every warning and error.
  // Errors: InvalidArgument with the first error's line.
  static absl::StatusOr<std::unique_ptr<RuleSet>> Compile(const std::vector<RuleFile>& files,
                                                          std::vector<RuleProblem>& problems,
                                                          const RuleOptions& options = {});
  virtual ~RuleSet() = default;
  // Appends the rules that match, in file order. A rule with memory counts the event in, and matches when that makes it
  // fire.
  virtual void Match(const EnrichedEvent& event, std::vector<Detection>& detections) = 0;
  virtual RuleNeeds Needs() const = 0;
  virtual size_t Size() const = 0;

  // What the rules with memory remember, as one opaque text of at most kMaxSavedMemory bytes and a little; "" nothing.
  static constexpr size_t kMaxSavedMemory = 4 << 20;
  virtual std::string SaveMemory() = 0;
  // Takes it back, by the names of rules; what has changed its fields or steps starts empty. After a boot only what was
  // learned comes back, as if no time had passed while the host was down. `now_ns`: CLOCK_BOOTTIME.
  // Errors: DataLoss naming the rules that start empty because the state is broken. An empty state is no error.
  virtual absl::Status RestoreMemory(std::string_view state, bool new_boot, uint64_t now_ns) = 0;
  virtual std::vector<RuleMemoryStats> MemoryStats() const = 0;

  // Everything that the rules remember, without copying any of it. The set is of no use any more.
  virtual RuleLegacy Release() = 0;
  // Takes over what rules with the same name and definition remembered. Returns the other rules of the former set,
  // whose state is gone: what counts events in another way starts empty. Other words, tags or another priority change
  // nothing.
  virtual std::vector<std::string> TakeOver(RuleLegacy former) = 0;
  // Rules of these names start empty.
  virtual void Forget(const std::vector<std::string>& names) = 0;
};

// Reads *.yaml of each directory (sorted) or the file itself. NotFound names the path.
absl::StatusOr<std::vector<RuleFile>> LoadRuleFiles(const std::vector<std::string>& paths);

}  // namespace tensorwarden
