#include "tests/bench/rule_mix.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <iterator>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

// What events draw from; rules draw from kWorld.
constexpr uint32_t kWorld = 4096;
constexpr uint32_t kPrograms = 256, kDirectories = 512, kPeers = 512, kAssets = 64, kProcesses = 1024;
// Of so many rules: opens, programs that start, connections, files, others, and those that no index finds.
constexpr uint32_t kOpen = 12, kExec = 10, kSocket = 6, kFile = 6, kOther = 6, kUnindexed = 2;
constexpr uint32_t kCycle = kOpen + kExec + kSocket + kFile + kOther + kUnindexed;
constexpr uint32_t kStride = 37;  // odd: neighbouring rules do not name neighbouring things

constexpr const char* kTools[] = {"bash", "python3", "sh",   "curl",    "wget",  "git",        "node", "java",
                                  "sshd", "cron",    "perl", "systemd", "nginx", "containerd", "vllm", "tritonserver"};
constexpr const char* kRoots[] = {"/etc", "/usr/lib", "/srv/models", "/home/u", "/var/lib", "/tmp", "/opt", "/run"};
constexpr const char* kEndings[] = {"json", "py", "so", "conf", "safetensors", "log", "txt", "key"};
constexpr const char* kClasses[] = {"model", "checkpoint", "dataset", "secret"};

std::string Program(uint32_t n) { return n < std::size(kTools) ? kTools[n] : fmt::format("svc-{}", n); }
std::string Directory(uint32_t n) { return fmt::format("{}/d{}", kRoots[n % 8], n / 8); }
std::string FileAt(uint32_t n) { return fmt::format("f{}.{}", n / 8, kEndings[n % 8]); }
std::string Address(uint32_t n) {
  if (n % 4 == 3) return fmt::format("2001:db8:{:x}::{:x}", n / 256, n % 256 + 1);
  return fmt::format("{}.{}.{}.7", n % 4 == 0 ? "10" : n % 4 == 1 ? "192" : "203", n / 256, n % 256);
}

struct Draw {
  uint32_t n;
  uint32_t operator()(uint32_t salt) const { return (n + salt) * kStride % kWorld; }
};

MixedRule OpenRule(uint32_t shape, const Draw& far, uint32_t i) {
  switch (shape) {
    case 0:
      return {"openat",
              fmt::format("fd.name startswith /srv/models/d{}/ and not proc.name in (python3, vllm)", far(0) / 8), "",
              true};
    case 1:
      return {"openat", fmt::format("fd.directory = {} and evt.is_open_write = true", Directory(far(0))), "", true};
    case 2:
      return {"openat", fmt::format("proc.name = {} and fd.name contains /d{}", Program(far(0)), far(1) % 10), "",
              true};
    case 3:
      return {"openat",
              fmt::format("fd.name in ({0}/passwd, {0}/f1.py, {1}/f2.so, {1}/f0.json, {0}/f3.conf) and user.uid != 0",
                          Directory(far(0)), Directory(far(1))),
              "", true};
    case 4:
      return {"openat", fmt::format("fd.name endswith d{}/f{}.key", far(0) / 8, far(1) % 8), "", true};
    case 5:
      return {"openat", fmt::format("fd.name contains /lib/d{}/f and evt.is_open_write = true", far(0) / 8), "", true};
    case 6:
      return {"openat", fmt::format("fd.name glob '/home/*/d{}/*.conf'", far(0) / 8), "", true};
    case 7:
      return {"openat",
              fmt::format("fd.name pmatch (/opt/d{}, /usr/lib/d{}) and user.uid = {}", far(0) / 8, far(1) / 8,
                          1000 + i % 32),
              "", true};
    case 8:
      return {"openat", fmt::format("fd.name regex '/var/lib/d{}/f[0-9]+\\.(so|py)'", far(0) / 8), "", false};
    case 9:
      return {"openat", fmt::format("sensitive_files and proc.pname = {} and not trusted_{}", Program(far(0)), i % 16),
              "", false};
    case 10:
      return {"openat",
              fmt::format(
                  "(fd.name startswith /etc/d{0}/ or fd.name startswith /run/d{0}/) and evt.is_open_write = true and "
                  "not proc.pname in (sshd, cron)",
                  far(0) / 8),
              "", true};
    default:
      return {"openat",
              fmt::format("fd.filename = {} and proc.exepath startswith /opt/app{}/", FileAt(i % 64), far(0) / 8), "",
              true};
  }
}

MixedRule ExecRule(uint32_t shape, const Draw& far, uint32_t i) {
  switch (shape) {
    case 0:
      return {
          "execve",
          fmt::format("proc.name in ({}, {}, {}) and user.uid != 0", Program(far(0)), Program(far(1)), Program(far(2))),
          "", true};
    case 1:
      return {"execve", fmt::format("proc.pname = {} and proc.cmdline contains '-c {}'", Program(far(0)), i % 8), "",
              true};
    case 2:
      return {"execve", fmt::format("proc.cmdline contains '--token=t{}x'", far(0)), "", true};
    case 3:
      return {"execve", fmt::format("proc.cmdline icontains '--Token=T{}X' and user.uid >= 1000", far(0)), "", true};
    case 4:
      return {"execve", fmt::format("proc.exepath startswith /opt/app{}/", far(0)), "", true};
    case 5:
      return {"execve", fmt::format("proc.cmdline regex '.*(curl|wget) .*host{}\\..*'", far(0)), "", false};
    case 6:
      return {
          "execve",
          fmt::format(
              "proc.name in (bash, sh, perl) and proc.pname in (servers_{}) and not proc.cmdline contains '--version'",
              i % 16),
          "", false};
    case 7:
      return {"execve",
              fmt::format("user.uid = {} and container.id != host and proc.cmdline contains '-c 3'", 1000 + far(0)), "",
              true};
    case 8:
      return {"execve", fmt::format("proc.aname = {} and proc.name in (bash, sh)", Program(far(0))), "", false};
    default:
      return {"execve", fmt::format("proc.name = {}", Program(far(0))),
              "  exceptions:\n    - name: usual\n      fields: [proc.pname, proc.cmdline]\n      comps: [=, contains]\n"
              "      values: [[bash, '-c 1'], [sshd, '-c 2'], [cron, '-c 4']]\n",
              false};
  }
}

MixedRule SocketRule(uint32_t shape, const Draw& far, uint32_t) {
  switch (shape) {
    case 0:
      return {"connect", fmt::format("fd.sip = {} and not proc.name in (curl, wget)", Address(far(0))), "", true};
    case 1:
      return {"connect", fmt::format("fd.net = 10.{}.{}.0/24", far(0) / 256, far(0) % 256), "", false};
    case 2:
      return {"connect", fmt::format("fd.sport = {} and proc.role = inference", 1024 + far(0)), "", true};
    case 3:
      return {
          "connect",
          fmt::format("fd.sport in (4444, {}, {}) and not proc.name in (sshd, nginx)", 1024 + far(0), 1024 + far(1)),
          "", true};
    case 4:
      return {"connect", fmt::format("proc.name = {} and fd.sport > 1024", Program(far(0))), "", true};
    default:
      return {"accept",
              fmt::format("fd.cnet in (10.{0}.0.0/16, 192.{0}.{1}.0/24, 2001:db8:{0:x}::/48) and fd.sport = {2}",
                          far(0) / 256, far(1) % 256, 1024 + far(2)),
              "", false};
  }
}

MixedRule FileRule(uint32_t shape, const Draw& far, uint32_t i) {
  const char* klass = kClasses[i % 4];
  switch (shape) {
    case 0:
      return {"read", fmt::format("asset.name = asset-{} and not proc.role in (inference, training)", far(0) / 4), "",
              true};
    case 1:
      return {"write", fmt::format("asset.class = {} and proc.name = {}", klass, Program(far(0))), "", true};
    case 2:
      return {"write",
              fmt::format("asset.class in (model, {}) and file.bytes > {} and proc.exepath startswith /opt/app{}/",
                          klass, far(0), far(1) / 8),
              "", true};
    case 3:
      return {"rename", fmt::format("fd.name startswith /srv/models/d{}/", far(0) / 8), "", true};
    case 4:
      return {"unlink", fmt::format("fd.name endswith .key and fd.name startswith {}/", Directory(far(0))), "", true};
    default:
      if (i % (2 * kCycle) < kCycle) {
        return {
            "", "",
            fmt::format("  sequence:\n    by: [asset.path]\n    within: 5m\n    steps:\n"
                        "      - evt.type = rename and proc.name = {0}\n      - evt.type = write and proc.name = {0}\n",
                        Program(far(0))),
            false};
      }
      return {"read", fmt::format("asset.class = {} and proc.name = {}", klass, Program(far(0))),
              "  aggregate: {distinct: asset.id, by: [proc.tree], window: 10m, over: 5}\n", false};
  }
}

MixedRule OtherRule(uint32_t shape, const Draw& far, uint32_t i) {
  switch (shape) {
    case 0:
      return {"http_request", fmt::format("http.path = /v1/r{} and http.method = POST", far(0)), "", true};
    case 1:
      return {"http_request", fmt::format("http.path startswith /api/r{}/", far(0)), "", true};
    case 2:
      return {"egress_bytes", fmt::format("egress.dest.class = public and proc.name = {}", Program(far(0))),
              "  baseline: {of: egress.dest, by: [proc.name], learn: 24h, alert: unseen}\n", false};
    case 3:
      return {"finding",
              fmt::format("finding.kind = egress and finding.stage = '{}%' and finding.value >= 1000", far(0) / 16), "",
              true};
    case 4:
      return {"dns_query", fmt::format("dns.name endswith .host{}.example", far(0)), "", true};
    default:
      break;
  }
  switch (i / kCycle % 6) {
    case 0:
      return {"host_change", fmt::format("host.object = module_{}", far(0)), "", true};
    case 1:
      return {"gpu_call", fmt::format("gpu.call = call_{} and proc.role != inference", far(0)), "", true};
    case 2:
      return {"process_exit", fmt::format("evt.exit_code != 0 and proc.name = {}", Program(far(0))), "", true};
    case 3:
      return {"process_fork", fmt::format("proc.name = {} and proc.pname = {}", Program(far(0)), Program(far(1))), "",
              true};
    case 4:
      return {"device_open", fmt::format("gpu.minor = {}", far(0)), "", true};
    default:  // whatever happened
      return {"", fmt::format("proc.name = {} and user.uid = {}", Program(far(0)), 1000 + i % 32),
              "  warn_evttypes: false\n", true};
  }
}

// No value that they name is needed, so the index cannot find them: one of twenty, as among the shipped rules.
MixedRule UnindexedRule(const Draw& far, uint32_t i) {
  switch (i % 5) {
    case 0:
      return {
          "openat",
          fmt::format("evt.is_open_write = true and user.uid > {} and not proc.name in (python3, vllm)", 1020 + far(0)),
          "", true};
    case 1:
      return {"execve", fmt::format("user.uid > {} and not proc.pname in (sshd, cron, bash)", 1020 + far(0)), "", true};
    case 2:
      return {"connect", fmt::format("fd.sport > {} and not proc.name in (curl, wget)", 5000 + far(0)), "", true};
    case 3:
      return {"read", fmt::format("file.bytes > {} and not proc.role = inference", 250'000 + far(0)), "", true};
    default:
      return {"process_exit", fmt::format("evt.exit_code != 0 and user.uid > {}", 1020 + far(0)), "", true};
  }
}

// --- events ---

class EventMaker {
 public:
  explicit EventMaker(MixedEvents& mix) : mix_(mix) {}

  void Make() {
    MakeProcesses();
    MakeAssets();
    for (uint32_t i = 0; i < kMixedEvents; ++i) MakeEvent(Below(1000));
  }

 private:
  uint32_t Below(uint32_t n) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return static_cast<uint32_t>(random_ % n);
  }

  ProcessKey KeyOf(uint32_t n) const { return {100 + n, 1000 + n}; }

  void MakeProcesses() {
    for (uint32_t n = 0; n < kProcesses; ++n) {
      ProcessInfo process{.key = KeyOf(n), .tree = KeyOf(n / 16)};
      if (n > 0) process.parent = KeyOf(n / 4);
      // Half of what runs is a shell, an interpreter or another usual tool.
      const uint32_t program = Below(2) == 0 ? Below(std::size(kTools)) : Below(kPrograms);
      process.comm = Program(program);
      process.path =
          program % 8 == 0 ? fmt::format("/opt/app{}/{}", program, process.comm) : "/usr/bin/" + process.comm;
      process.args = {process.comm,
                      "-c",
                      std::to_string(Below(8)),
                      fmt::format("--token=t{}x", Below(kWorld)),
                      fmt::format("https://host{}.example/path", Below(kWorld)),
                      "--verbose"};
      process.cmdline = fmt::format("{}", fmt::join(process.args, " "));
      process.uid = Below(3) == 0 ? 0 : 1000 + Below(32);
      process.cgroup = Below(3) == 0 ? fmt::format("/system.slice/docker-{:064x}.scope", n) : "/user.slice";
      process.role = Below(8) == 0 ? Role::kInference : Role::kNone;
      mix_.host.processes[process.key] = std::move(process);
    }
  }

  FileKey AssetKey(uint32_t n) const { return {8 << 20, 1000 + n, 1}; }

  void MakeAssets() {
    for (uint32_t n = 0; n < kAssets; ++n) {
      mix_.host.assets[AssetKey(n)] = {.id = n + 1,
                                       .file = AssetKey(n),
                                       .path = fmt::format("/srv/models/d{}/weights.safetensors", n),
                                       .name = fmt::format("asset-{}", n),
                                       .klass = kClasses[n % 4],
                                       .size = 1 << 30};
    }
  }

  void Add(const char* type, EventBody body) {
    Event& event = mix_.events.emplace_back();
    event.seq = mix_.events.size();
    event.origin = {.ktime_ns = 1'000'000'000 + 50'000 * event.seq, .process = KeyOf(Below(kProcesses))};
    event.body = std::move(body);
    mix_.types.emplace_back(type);
  }

  std::string Path() { return Directory(Below(kDirectories)) + '/' + FileAt(Below(512)); }

  SocketTuple Socket(bool out) {
    const auto far_port = static_cast<uint16_t>(1024 + Below(kWorld)),
               near_port = static_cast<uint16_t>(32768 + Below(20000));
    return {.local_address = "10.0.0.1",
            .peer_address = Address(Below(kPeers)),
            .local_port = out ? near_port : far_port,
            .peer_port = out ? far_port : near_port,
            .family = AF_INET,
            .protocol = IPPROTO_TCP,
            .direction = static_cast<uint8_t>(out ? EVENT_DIRECTION_OUT : EVENT_DIRECTION_IN)};
  }

  // `roll`: 0 to 999. The shares are those of the busy host that replay is measured with, and a little of all else.
  void MakeEvent(uint32_t roll) {
    if (roll < 470) {
      return Add("openat", FileOpen{.file = {8 << 20, 5000 + Below(100000), 1},
                                    .open_flags = Below(4) == 0 ? uint32_t{O_RDWR} : 0,
                                    .path = Path()});
    }
    if (roll < 550) return Add("execve", ProcessExec{});
    if (roll < 625) return Add("process_fork", ProcessFork{.child = KeyOf(Below(kProcesses))});
    if (roll < 700) return Add("process_exit", ProcessExit{.exit_code = static_cast<int32_t>(Below(2))});
    if (roll < 770) return Add("connect", SocketState{.socket = Socket(true), .op = EVENT_SOCK_CONNECT});
    if (roll < 810) return Add("accept", SocketState{.socket = Socket(false), .op = EVENT_SOCK_ACCEPT});
    if (roll < 875)
      return Add(
          "read",
          FileRead{.file = AssetKey(Below(kAssets)), .bytes = uint64_t{4096} * Below(64), .access = EVENT_ACCESS_READ});
    if (roll < 925) {
      return Add("http_request",
                 HttpRequest{.socket = Socket(false),
                             .method = Below(2) == 0 ? "POST" : "GET",
                             .path = fmt::format("/{}/r{}/chat", Below(2) == 0 ? "v1" : "api", Below(kWorld)),
                             .client = "addr:192.0.2.7"});
    }
    MakeRare(roll);
  }

  void MakeRare(uint32_t roll) {
    if (roll < 945) return Add("egress_bytes", Egress{.socket = Socket(true), .bytes = Below(1 << 20)});
    if (roll < 955) return Add("label_move", LabelMove{.source = AssetKey(Below(kAssets))});
    if (roll < 965)
      return Add("write",
                 FileChange{.file = AssetKey(Below(kAssets)), .bytes = Below(1 << 16), .change = EVENT_CHANGE_WRITE});
    if (roll < 970)
      return Add("rename", FileName{.file = AssetKey(Below(kAssets)), .op = EVENT_NAME_RENAME, .path = Path()});
    if (roll < 975)
      return Add("unlink", FileName{.file = AssetKey(Below(kAssets)), .op = EVENT_NAME_UNLINK, .path = Path()});
    if (roll < 985)
      return Add("dns_query",
                 DnsQuery{.socket = Socket(true), .name = fmt::format("a.host{}.example", Below(kWorld)), .type = 1});
    if (roll < 990) return Add("gpu_call", GpuCall{.driver = "nvidia", .call = fmt::format("call_{}", Below(64))});
    if (roll < 993)
      return Add("host_change", HostChange{.op = EVENT_HOST_MODULE, .name = fmt::format("module_{}", Below(64))});
    if (roll < 995) return Add("device_open", DeviceOpen{.major = 195, .minor = Below(8)});
    if (roll < 997) return Add("clock_tick", ClockTick{});
    Add("finding",
        Finding{
            .kind = "egress", .what = "upload", .key = "k", .stage = fmt::format("{}%", Below(100)), .value = 5000});
  }

  MixedEvents& mix_;
  uint64_t random_ = 0x9e3779b97f4a7c15;
};

}  // namespace

std::string MixedDefinitions() {
  std::string text;
  for (uint32_t n = 0; n < 16; ++n) {
    text += fmt::format("- list: servers_{}\n  items: [", n);
    for (uint32_t k = 0; k < 20; ++k) text += Program(n * 20 + k) + (k < 19 ? ", " : "]\n");
    text += fmt::format(
        "- macro: trusted_{0}\n  condition: (proc.name in (servers_{0}) or proc.exepath startswith /opt/app{0}/)\n", n);
  }
  text += "- list: sensitive_paths\n  items: [";
  for (uint32_t k = 0; k < 40; ++k) text += Directory(k) + '/' + FileAt(k) + (k < 39 ? ", " : "]\n");
  return text + "- macro: sensitive_files\n  condition: (fd.name in (sensitive_paths) or fd.name startswith /etc/d1)\n";
}

MixedRule MakeMixedRule(uint32_t number) {
  const Draw far{number * 7};
  uint32_t shape = number % kCycle;
  if (shape < kOpen) return OpenRule(shape, far, number);
  shape -= kOpen;
  if (shape < kExec) return ExecRule(shape, far, number);
  shape -= kExec;
  if (shape < kSocket) return SocketRule(shape, far, number);
  shape -= kSocket;
  if (shape < kFile) return FileRule(shape, far, number);
  shape -= kFile;
  return shape < kOther ? OtherRule(shape, far, number) : UnindexedRule(far, number);
}

std::string AsYaml(const MixedRule& rule, uint32_t number) {
  std::string text =
      fmt::format("- rule: r{}\n  desc: d\n  priority: Notice\n  output: '%proc.name %fd.name'\n", number);
  if (!rule.condition.empty()) {
    text += fmt::format("  condition: >\n    {}{}{}\n", rule.type.empty() ? "" : "evt.type = " + rule.type,
                        rule.type.empty() ? "" : " and ", rule.condition);
  }
  return text + rule.extra;
}

std::string MixedRuleFile(uint32_t count) {
  std::string text = MixedDefinitions();
  for (uint32_t number = 0; number < count; ++number) text += AsYaml(MakeMixedRule(number), number);
  return text;
}

void MakeMixedEvents(MixedEvents& mix) {
  EventMaker(mix).Make();
  for (const Event& event : mix.events) mix.enriched.push_back(Enrich(event, mix.host));
}

}  // namespace tensorwarden
