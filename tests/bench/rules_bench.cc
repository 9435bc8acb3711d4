// Rule evaluation throughput on one core: one JSON line per number of rules.
//
// The rules are the usual mix: each is about one kind of event, most name a program, a path or a stage, some only
// compare numbers. Events go round over all kinds that rules ask for. Enrich() is outside, as it is paid once per event
// whatever the rules are.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "agent/rules/ruleset.h"
#include "tests/support/fake_host.h"

namespace tensorwarden {
namespace {

constexpr int kEventsPerRound = 200'000;
constexpr int kRounds = 7;

std::string SyntheticRule(int i) {
  const std::string condition = [i] {
    switch (i % 8) {
      case 0:
        return fmt::format("evt.type = file_open and proc.name = prog{} and fd.name startswith /srv/models/{}", i, i);
      case 1:
        return fmt::format("evt.type = execve and proc.name in (tool{0}, tool{0}b, tool{0}c) and user.uid != 0", i);
      case 2:
        return fmt::format("finding.kind = egress and finding.stage = '{}%' and finding.share >= 1%", i);
      case 3:
        return fmt::format("evt.type = connect and fd.sip = 10.0.{}.{} and not proc.name in (curl, wget)",
                           i / 250 % 250, i % 250);
      case 4:
        return fmt::format("evt.type = openat and fd.directory = /etc/d{} and evt.is_open_write = true", i);
      case 5:
        return fmt::format("evt.type = http_request and http.path = /v1/{} and http.method = POST", i);
      case 6:
        return fmt::format("evt.type = file_change and asset.name = model{} and proc.role != training", i);
      default:
        return fmt::format("evt.type = execve and proc.pname = shell{} and proc.cmdline contains '-c {}'", i, i);
    }
  }();
  return fmt::format("- rule: r{}\n  desc: d\n  priority: Notice\n  output: o %proc.name\n  condition: {}\n", i,
                     condition);
}

struct Scene {
  FakeHost host;
  std::vector<Event> events;
};

Scene MakeScene() {
  Scene scene;
  const ProcessKey parent{10, 1}, process{20, 2};
  scene.host.processes[parent] = {.key = parent, .comm = "bash", .path = "/bin/bash", .cmdline = "bash"};
  scene.host.processes[process] = {.key = process,
                                   .parent = parent,
                                   .comm = "python3",
                                   .path = "/usr/bin/python3",
                                   .args = {"python3", "serve.py"},
                                   .cmdline = "python3 serve.py"};
  const FileKey file{1, 2, 3};
  scene.host.assets[file] = {.id = 1, .file = file, .path = "/srv/m.bin", .name = "m", .klass = "model", .size = 1000};
  SocketTuple socket{
      .local_address = "10.0.0.1", .peer_address = "192.0.2.7", .local_port = 4000, .peer_port = 443, .direction = 1};
  const auto add = [&](EventBody body) {
    Event event;
    event.origin.process = process;
    event.body = std::move(body);
    scene.events.push_back(std::move(event));
  };
  add(FileOpen{.file = {1, 9, 1}, .path = "/usr/lib/python3/os.py"});
  add(ProcessExec{.parent = parent, .comm = "python3"});
  add(FileRead{.file = file, .bytes = 4096});
  add(SocketState{.socket = socket, .op = 1});
  add(FileChange{.file = file, .bytes = 10, .change = 1});
  add(HttpRequest{.socket = socket, .method = "POST", .path = "/v1/completions", .client = "addr:192.0.2.7"});
  add(Egress{.socket = socket, .bytes = 5});
  add(Finding{.kind = "egress", .what = "upload", .key = "k", .stage = "1%", .share = 0.02});
  return scene;
}

double EventsPerSecond(RuleSet& rules, const std::vector<EnrichedEvent>& events) {
  std::vector<Detection> detections;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kEventsPerRound; ++i) {
      detections.clear();
      rules.Match(events[static_cast<size_t>(i) % events.size()], detections);
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    best = std::max(best, kEventsPerRound / spent.count());
  }
  return best;
}

int Run() {
  const Scene scene = MakeScene();
  std::vector<EnrichedEvent> events;
  for (const Event& event : scene.events) events.push_back(Enrich(event, scene.host));
  for (const int count : {20, 200, 2000}) {
    std::string text;
    for (int i = 0; i < count; ++i) text += SyntheticRule(i);
    std::vector<RuleProblem> problems;
    auto rules = RuleSet::Compile({{"bench.yaml", text}}, problems);
    if (!rules.ok()) {
      std::fprintf(stderr, "%s\n", std::string(rules.status().message()).c_str());
      return 1;
    }
    std::printf("%s\n", fmt::format("{{\"bench\":\"rules\",\"rules\":{},\"events\":{},\"events_per_s\":{:.0f}}}", count,
                                    kEventsPerRound * kRounds, EventsPerSecond(**rules, events))
                            .c_str());
  }
  return 0;
}

}  // namespace
}  // namespace tensorwarden

int main() { return tensorwarden::Run(); }
