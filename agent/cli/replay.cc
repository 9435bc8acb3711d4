#include "agent/daemon/replay.h"

#include "agent/cli/common.h"
#include "agent/cli/verbs.h"

namespace tensorwarden {
namespace {

struct ReplayFlags {
  CommonFlags common;
  std::string path;
};

int RunReplay(const ReplayFlags& flags) {
  absl::StatusOr<AgentConfig> config = ConfigFromFlags(flags.common);
  if (!config.ok()) return Fail(config.status());
  // Never into the files of the live agent.
  std::erase_if(config->outputs, [](const SinkConfig& sink) { return sink.type != "stdout"; });
  if (config->outputs.empty()) config->outputs.emplace_back();
  absl::StatusOr<LoadedRules> rules = RulesFromFlags(flags.common, *config);
  if (!rules.ok()) return Fail(rules.status());
  const absl::Status status = Replay(flags.path, *config, *std::move(rules));
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
  verb->callback([flags, &action] { action = [flags] { return RunReplay(*flags); }; });
}

}  // namespace tensorwarden
