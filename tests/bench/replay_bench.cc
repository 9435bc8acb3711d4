// Events per second through a replay, on one core: one JSON line for the whole, run as its user runs it, and one for
// each of its parts.
//
// What counts is the time on the processor, not the clock's: a replay is one thread, and a shared machine takes the
// core away at random. The figures of every round are in the line.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "agent/capture/capture.h"
#include "agent/daemon/analysis.h"
#include "agent/daemon/rule_source.h"
#include "tests/bench/busy_host.h"

namespace tensorwarden {
namespace {

constexpr size_t kEvents = 2'000'000;
constexpr size_t kBatch = 4096;
constexpr int kRounds = 5;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void Print(const std::string& bench, size_t events, std::vector<double> seconds) {
  const std::vector<double> rounds = seconds;
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  fmt::print("{{\"bench\":\"{}\",\"events\":{},\"cpu_seconds\":[{:.3f}],\"events_per_second\":{:.0f}}}\n", bench,
             events, fmt::join(rounds, ","), static_cast<double>(events) / median);
  std::fflush(stdout);
}

int Fail(const absl::Status& status) {
  fmt::print(stderr, "{}\n", std::string(status.message()));
  return 1;
}

// Returns how many events the capture holds.
absl::StatusOr<size_t> Write(const std::string& path) {
  absl::StatusOr<std::unique_ptr<CaptureWriter>> writer = CaptureWriter::Create(path);
  if (!writer.ok()) return writer.status();
  BusyHost host;
  std::vector<Event> events;
  std::array<size_t, kEventKindCount> kinds{};
  size_t count = 0;
  double seconds = 0;
  for (host.Start(events); count < kEvents; events.clear()) {
    while (events.size() < kBatch) host.Step(events);
    const double start = CpuSeconds();
    for (const Event& event : events) {
      if (absl::Status status = (*writer)->Append(event); !status.ok()) return status;
    }
    seconds += CpuSeconds() - start;
    count += events.size();
    for (const Event& event : events) ++kinds[event.body.index()];
  }
  const double start = CpuSeconds();
  if (absl::Status status = (*writer)->Close(); !status.ok()) return status;
  Print("capture_write", count, {seconds + CpuSeconds() - start});
  std::string mix;
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    const double percent = 100.0 * static_cast<double>(kinds[kind]) / static_cast<double>(count);
    if (percent >= 0.1) mix += fmt::format("{}\"{}\":{:.1f}", mix.empty() ? "" : ",", EventKindName(kind), percent);
  }
  fmt::print("{{\"bench\":\"capture_mix_percent\",{}}}\n", mix);
  return count;
}

absl::StatusOr<double> ReadOnce(const std::string& path) {
  const double start = CpuSeconds();
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = CaptureReader::Open(path);
  if (!reader.ok()) return reader.status();
  Event event;
  for (;;) {
    absl::StatusOr<bool> more = (*reader)->Next(event);
    if (!more.ok()) return more.status();
    if (!*more) return CpuSeconds() - start;
  }
}

// The analysis alone: events are decoded outside the clock.
absl::StatusOr<double> AnalyseOnce(const std::string& path, const std::string& rule_path) {
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = CaptureReader::Open(path);
  absl::StatusOr<LoadedRules> rules = LoadRules({rule_path});
  if (!reader.ok()) return reader.status();
  if (!rules.ok()) return rules.status();
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(AgentConfig{}, std::move(rules->rules));
  if (!analysis.ok()) return analysis.status();
  std::vector<Event> batch(kBatch);
  std::vector<HostEffect> effects;
  std::vector<Alert> alerts;
  double seconds = 0;
  for (size_t count = kBatch; count == kBatch;) {
    for (count = 0; count < kBatch; ++count) {
      absl::StatusOr<bool> more = (*reader)->Next(batch[count]);
      if (!more.ok()) return more.status();
      if (!*more) break;
    }
    const double start = CpuSeconds();
    for (size_t i = 0; i < count; ++i) {
      (*analysis)->Take(batch[i], effects, alerts);
      effects.clear();
      alerts.clear();
    }
    seconds += CpuSeconds() - start;
  }
  return seconds;
}

// The program itself, alerts to nowhere, its start included.
absl::StatusOr<double> ReplayOnce(const std::string& program, const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(126);
    execl(program.c_str(), program.c_str(), "replay", path.c_str(), "--config", "/dev/null", nullptr);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return absl::ErrnoToStatus(errno, "start the replay");
  if (status != 0) return absl::InternalError(fmt::format("{} replay ended with status {:#x}", program, status));
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <typename Once>
absl::Status Measure(const std::string& bench, size_t events, Once once) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    absl::StatusOr<double> seconds = once();
    if (!seconds.ok()) return seconds.status();
    rounds.push_back(*seconds);
  }
  Print(bench, events, std::move(rounds));
  return absl::OkStatus();
}

absl::Status Run(const std::string& build, const std::string& path) {
  absl::StatusOr<size_t> events = Write(path);
  if (!events.ok()) return events.status();
  absl::Status status = Measure("replay_read", *events, [&] { return ReadOnce(path); });
  if (status.ok()) status = Measure("replay_analysis", *events, [&] { return AnalyseOnce(path, build + "/../rules"); });
  if (status.ok()) status = Measure("replay", *events, [&] { return ReplayOnce(build + "/tensorwarden", path); });
  return status;
}

}  // namespace
}  // namespace tensorwarden

// With an argument, the capture is written there and stays.
int main(int argc, char** argv) {
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) return 1;
  const std::string folder(self, std::string_view(self).rfind('/'));
  std::string path = argc > 1 ? argv[1] : "/var/tmp/replay-bench.XXXXXX";
  if (argc <= 1) close(mkstemp(path.data()));
  const absl::Status status = tensorwarden::Run(folder + "/..", path);
  if (argc <= 1) unlink(path.c_str());
  return status.ok() ? 0 : tensorwarden::Fail(status);
}
