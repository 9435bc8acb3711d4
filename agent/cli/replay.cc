#include "agent/daemon/replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

#include "agent/cli/common.h"
#include "agent/cli/verbs.h"

namespace tensorwarden {
namespace {

struct ReplayFlags {
  CommonFlags common;
  std::string path;
  std::string from;
  std::string to;
  ReplayOptions replay;
};

absl::Status TimeFromFlag(const char* name, const std::string& text, ReplayTime& out) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<ReplayTime> time = ParseReplayTime(text);
  if (!time.ok()) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", name, std::string(time.status().message())));
  }
  out = *time;
  return absl::OkStatus();
}

// CLI11's own test for positive numbers lets NaN pass.
std::string CheckSpeed(const std::string& text) {
  double speed = 0;
  const bool good = CLI::detail::lexical_cast(text, speed) && std::isfinite(speed) && speed > 0;
  return good ? "" : fmt::format("'{}' is no number greater than 0", text);
}

int RunReplay(ReplayFlags& flags) {
  absl::Status times = TimeFromFlag("--from", flags.from, flags.replay.limits.from);
  if (times.ok()) times = TimeFromFlag("--to", flags.to, flags.replay.limits.to);
  if (!times.ok()) return Fail(times);
  flags.replay.terminal = isatty(STDERR_FILENO) == 1;
  absl::StatusOr<AgentConfig> config = ConfigFromFlags(flags.common);
  if (!config.ok()) return Fail(config.status());
  // Never into the files of the live agent.
  std::erase_if(config->outputs, [](const SinkConfig& sink) { return sink.type != "stdout"; });
  if (config->outputs.empty()) config->outputs.emplace_back();
  absl::StatusOr<LoadedRules> rules = RulesFromFlags(flags.common, *config);
  if (!rules.ok()) return Fail(rules.status());
  const absl::Status status = Replay(flags.path, *config, *std::move(rules), flags.replay);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace

void AddReplay(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* verb = app.add_subcommand("replay", "Run a capture through rules and detectors");
  AddCommonFlags(*verb, flags->common);
  verb->add_option("capture", flags->path, "The capture to read: ours, or a Sysdig or Falco capture (.scap)")
      ->type_name("F")
      ->required();
  CLI::Option* from = verb->add_option("--from", flags->from,
                                       "Alert on what happened at this time or later: 2026-01-31T10:00:00Z, or +10m "
                                       "after the first event. What came before is analysed without a word")
                          ->type_name("TIME");
  verb->add_option("--to", flags->to, "Alert on what happened before this time only")->type_name("TIME");
  verb->add_flag("--skip", flags->replay.skip,
                 "Do not read what lies between the start and --from: quick, but labels, counts and processes of that "
                 "time are not known")
      ->needs(from);
  verb->add_option("--speed", flags->replay.speed, "1: as recorded, 10: ten times as fast (default: as it goes)")
      ->type_name("N")
      ->check(CLI::Validator(CheckSpeed, "", ""));
  verb->add_flag("-v,--verbose", flags->replay.verbose, "Say at the end how much there was");
  verb->callback([flags, &action] { action = [flags] { return RunReplay(*flags); }; });
}

}  // namespace tensorwarden
