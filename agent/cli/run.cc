#include <sys/resource.h>

#include "agent/cli/common.h"
#include "agent/cli/verbs.h"
#include "agent/daemon/live_agent.h"

namespace tensorwarden {
namespace {

struct RunFlags {
  CommonFlags common;
  std::string duration;
  LiveOptions live;
  bool quiet = false;  // record: events only, no alerts
};

// What was inherited must not blind it: few descriptors, or files that may not grow.
void LiftLimits() {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
  }
  const rlimit endless{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &endless);
}

int RunLive(RunFlags& flags) {
  LiftLimits();
  absl::StatusOr<AgentConfig> config = ConfigFromFlags(flags.common);
  if (!config.ok()) return Fail(config.status());
  if (flags.quiet) config->outputs.clear();
  absl::StatusOr<LoadedRules> rules = RulesFromFlags(flags.common, *config);
  if (!rules.ok()) return Fail(rules.status());
  absl::StatusOr<absl::Duration> duration = DurationFromFlag(flags.duration);
  if (!duration.ok()) return Fail(duration.status());
  flags.live.duration = *duration;
  // Of the config only what is said about rules is taken over: the rest is set when the agent starts.
  flags.live.load_rules = [common = flags.common]() -> absl::StatusOr<LoadedRules> {
    absl::StatusOr<AgentConfig> anew = ConfigFromFlags(common);
    if (!anew.ok()) return anew.status();
    return LoadRulesFromFlags(common, *anew);
  };
  absl::StatusOr<std::unique_ptr<LiveAgent>> agent =
      LiveAgent::Create(*std::move(config), *std::move(rules), flags.live);
  if (!agent.ok()) return Fail(agent.status());
  const absl::Status status = (*agent)->Run();
  return status.ok() ? 0 : Fail(status);
}

}  // namespace

void AddRun(CLI::App& app, Action& action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* verb = app.add_subcommand("run", "Run the agent in the foreground");
  AddCommonFlags(*verb, flags->common);
  verb->add_option("--duration", flags->duration, "Stop after this time: 30s, 5m, 1h")->type_name("T");
  verb->add_option("--record", flags->live.record_path, "Also write every event to this capture")->type_name("F");
  verb->add_option("--stats", flags->live.stats_path, "Write counters to this file every ten seconds and at the end")
      ->type_name("F");
  verb->add_option("--escalate", flags->live.hold_escalation, "Keep the system-call hooks attached at stage 1 or 2")
      ->check(CLI::Range(1, 2))
      ->group("");
  verb->callback([flags, &action] { action = [flags] { return RunLive(*flags); }; });
}

void AddRecord(CLI::App& app, Action& action) {
  auto flags = std::make_shared<RunFlags>();
  flags->quiet = true;
  CLI::App* verb = app.add_subcommand("record", "Write every event to a capture, without alerts");
  AddCommonFlags(*verb, flags->common);
  verb->add_option("-o", flags->live.record_path, "The capture to write")->type_name("F")->required();
  verb->add_option("--duration", flags->duration, "Stop after this time: 30s, 5m, 1h")->type_name("T");
  verb->callback([flags, &action] { action = [flags] { return RunLive(*flags); }; });
}

}  // namespace tensorwarden
