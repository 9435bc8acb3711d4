#include "agent/daemon/replay.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <vector>

#include "agent/capture/capture.h"
#include "agent/daemon/analysis.h"
#include "agent/daemon/capture_source.h"

namespace tensorwarden {
namespace {

using Sinks = std::vector<std::unique_ptr<Sink>>;

absl::StatusOr<Sinks> OpenSinks(const std::vector<SinkConfig>& outputs) {
  Sinks sinks;
  for (const SinkConfig& output : outputs) {
    absl::StatusOr<std::unique_ptr<Sink>> sink = CreateSink(output);
    if (!sink.ok()) return sink.status();
    sinks.push_back(*std::move(sink));
  }
  return sinks;
}

void CompareDigests(const AgentStart& start, const std::string& config_digest, const std::string& rules_digest) {
  if (start.config_digest.empty()) return;  // of another tool
  if (start.config_digest != config_digest) spdlog::warn("the capture was made with another config: alerts may differ");
  if (start.rules_digest != rules_digest) spdlog::warn("the capture was made with other rules: alerts may differ");
}

absl::Status DeliverAll(const Sinks& sinks, const std::vector<Alert>& alerts) {
  for (const Alert& alert : alerts) {
    for (const std::unique_ptr<Sink>& sink : sinks) {
      if (absl::Status status = sink->Deliver(alert); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Replay(const std::string& path, const AgentConfig& config, LoadedRules rules) {
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = OpenCapture(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<Sinks> sinks = OpenSinks(config.outputs);
  if (!sinks.ok()) return sinks.status();
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(config, std::move(rules.rules));
  if (!analysis.ok()) return analysis.status();

  Event event;
  std::vector<HostEffect> unused;
  std::vector<Alert> alerts;
  for (;;) {
    absl::StatusOr<bool> more = (*reader)->Next(event);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (const auto* start = std::get_if<AgentStart>(&event.body)) {
      CompareDigests(*start, config.digest, rules.digest);
    }
    (*analysis)->Take(event, unused, alerts);
    unused.clear();
    if (absl::Status status = DeliverAll(*sinks, alerts); !status.ok()) return status;
    alerts.clear();
  }
  if ((*reader)->TornTail()) spdlog::warn("'{}' ends in a torn frame: what came after it is missing", path);
  return absl::OkStatus();
}

}  // namespace tensorwarden
