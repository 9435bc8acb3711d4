#include "agent/config/schema.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace tensorwarden::config {
namespace {

constexpr absl::Duration kLongestWindow = absl::Hours(24 * 31);
constexpr uint64_t kTebibyte = uint64_t{1} << 40;
constexpr uint64_t kMaxEntries = 16 << 20;  // of any table: at some 200 bytes each, more than a host can spare

// A user's name or number, as both: the name is kept for people, the number is compared.
absl::StatusOr<uint32_t> UserId(const std::string& user) {
  if (absl::StatusOr<uint64_t> number = Count(0, 0xfffffffe)(user); number.ok()) return static_cast<uint32_t>(*number);
  std::vector<char> buffer(1 << 14);
  passwd entry{};
  passwd* found = nullptr;
  while (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE && buffer.size() < 1 << 20) {
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) return absl::InvalidArgumentError(fmt::format("this host has no user '{}'", user));
  return entry.pw_uid;
}

NodeReader<WorkloadSpec> User() {
  return [](const YamlNode& node, const std::string& file, WorkloadSpec& workload) -> absl::Status {
    absl::StatusOr<std::string> user = ReadScalar(node, file, Text());
    if (!user.ok()) return user.status();
    absl::StatusOr<uint32_t> uid = UserId(*user);
    if (!uid.ok()) return ConfigError(file, node.place, std::string(uid.status().message()));
    workload.user = *std::move(user);
    workload.uid = *uid;
    return absl::OkStatus();
  };
}

ValueParser<std::string> UnitName() {
  return [](const std::string& text) -> absl::StatusOr<std::string> {
    for (const char* suffix : {".service", ".scope", ".slice"}) {
      if (text.ends_with(suffix) && text.find('/') == std::string::npos) return Text()(text);
    }
    return absl::InvalidArgumentError(fmt::format("'{}' is no systemd unit; write for example vllm.service", text));
  };
}

// Rule paths are relative to the file that names them, so that a config folder can be moved.
NodeReader<RulesConfig> RulePaths() {
  return [](const YamlNode& node, const std::string& file, RulesConfig& rules) -> absl::Status {
    std::vector<std::string> paths;
    const auto self = [](std::vector<std::string> & v) -> auto& { return v; };
    const auto list = ListOf<std::vector<std::string>>(self, Text(4095), Merge::kAppend);
    if (absl::Status status = list(node, file, paths); !status.ok()) return status;
    const size_t slash = file.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : file.substr(0, slash + 1);
    for (const std::string& path : paths) rules.paths.push_back(path.front() == '/' ? path : folder + path);
    return absl::OkStatus();
  };
}

// Who names a directory means what lies in it.
NodeReader<AssetSpec> AssetPaths() {
  return [](const YamlNode& node, const std::string& file, AssetSpec& asset) -> absl::Status {
    std::vector<std::string> paths;
    const auto self = [](std::vector<std::string> & v) -> auto& { return v; };
    const auto list = ListOf<std::vector<std::string>>(self, AbsolutePath(), Merge::kAppend);
    if (absl::Status status = list(node, file, paths); !status.ok()) return status;
    for (std::string& path : paths) {
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      const bool is_plain = path.find_first_of("*?[\\", path.rfind('/')) == std::string::npos;
      asset.paths.push_back(path);
      if (is_plain) asset.paths.push_back(path + "/**");
    }
    return absl::OkStatus();
  };
}

// Names and tags of rules, which are known only when the rules are read: each keeps its place for a warning then.
NodeReader<RulesConfig> Switches(bool enable) {
  return [enable](const YamlNode& node, const std::string& file, RulesConfig& rules) -> absl::Status {
    if (!node.IsNull() && node.kind != YamlNode::Kind::kList) return WrongKind(file, node, "a list");
    for (const YamlNode& item : node.items) {
      absl::StatusOr<std::string> text = ReadScalar(item, file, Text());
      if (!text.ok()) return text.status();
      absl::StatusOr<RuleSwitch> one = ParseRuleSwitch(*text, enable);
      if (!one.ok()) return ConfigError(file, item.place, std::string(one.status().message()));
      one->path = file;
      one->line = item.place.line;
      one->column = item.place.column;
      rules.options.switches.push_back(*std::move(one));
    }
    return absl::OkStatus();
  };
}

// In any case of letters, as Falco takes it.
ValueParser<Priority> MinimumPriority() {
  return [](const std::string& text) -> absl::StatusOr<Priority> {
    if (const std::optional<Priority> priority = ParsePriority(text)) return *priority;
    return absl::InvalidArgumentError(fmt::format(
        "'{}' is no priority; use Emergency, Alert, Critical, Error, Warning, Notice, Informational or Debug",
        text.substr(0, 64)));
  };
}

const Keys<RulesConfig>& RulesKeys() {
  using C = RulesConfig;
  const auto minimum = [](C & c) -> auto& { return c.options.minimum; };
  const auto first = [](C & c) -> auto& { return c.options.first_match_only; };
  static const Keys<C> keys = {
      {"paths", RulePaths()},
      {"disable", Switches(false)},
      {"enable", Switches(true)},
      {"minimum_priority", Value<C>(minimum, MinimumPriority())},
      {"matching", Value<C>(first, Choice<bool>({{"all", false}, {"first", true}}))},
  };
  return keys;
}

// A list of paths alone, or all that is said of rules. Within one file `enable` comes after `disable`, in whatever
// order they stand there: a map has none.
NodeReader<AgentConfig> Rules() {
  return [](const YamlNode& node, const std::string& file, AgentConfig& config) -> absl::Status {
    if (node.kind == YamlNode::Kind::kList || node.IsNull()) return RulePaths()(node, file, config.rules);
    if (node.kind != YamlNode::Kind::kMap) return WrongKind(file, node, "a list of paths or a map");
    std::vector<RuleSwitch>& switches = config.rules.options.switches;
    const size_t earlier = switches.size();
    if (absl::Status status = ReadMap<RulesConfig>(node, file, RulesKeys(), config.rules); !status.ok()) return status;
    std::stable_partition(switches.begin() + static_cast<std::ptrdiff_t>(earlier), switches.end(),
                          [](const RuleSwitch& one) { return !one.enable; });
    return absl::OkStatus();
  };
}

std::string CheckAsset(const AssetSpec& asset, std::span<const AssetSpec> earlier) {
  if (asset.paths.empty()) return fmt::format("asset '{}' has no paths", asset.name);
  for (const AssetSpec& other : earlier) {
    if (other.name == asset.name) return fmt::format("asset '{}' is declared twice", asset.name);
  }
  return "";
}

std::string CheckWorkload(const WorkloadSpec& workload, std::span<const WorkloadSpec> earlier) {
  if (workload.exe.empty() && workload.cgroup.empty() && workload.unit.empty() && workload.user.empty()) {
    return fmt::format("workload '{}' needs a confirmation: at least one of exe, cgroup, unit, user", workload.name);
  }
  for (const WorkloadSpec& other : earlier) {
    if (other.name == workload.name) return fmt::format("workload '{}' is declared twice", workload.name);
  }
  return "";
}

std::string CheckOutput(const SinkConfig& output, std::span<const SinkConfig> earlier) {
  if (output.type == "file" && output.path.empty()) return "an output of type file needs a path";
  if (output.type != "file" && !output.path.empty())
    return fmt::format("an output of type {} has no path", output.type);
  for (const SinkConfig& other : earlier) {
    if (other.type == output.type && other.path == output.path) {
      return output.path.empty() ? "two outputs write to stdout"
                                 : fmt::format("two outputs write to '{}'", output.path);
    }
  }
  return "";
}

std::vector<std::pair<std::string, Role>> Roles() {
  std::vector<std::pair<std::string, Role>> roles;
  for (const Role role :
       {Role::kInference, Role::kTraining, Role::kPipeline, Role::kRegistry, Role::kNotebook, Role::kAdmin}) {
    roles.emplace_back(RoleName(role), role);
  }
  return roles;
}

const Keys<AssetSpec>& AssetKeys() {
  static const Keys<AssetSpec> keys = {
      {"name", Value<AssetSpec>(&AssetSpec::name, Text()), true},
      {"class", Value<AssetSpec>(&AssetSpec::klass, OneOf({"model", "checkpoint", "adapter", "tokenizer", "dataset",
                                                           "vector_store", "knowledge_base", "code", "secret"}))},
      {"paths", AssetPaths(), true},
  };
  return keys;
}

const Keys<WorkloadSpec>& ConfirmKeys() {
  static const Keys<WorkloadSpec> keys = {
      {"exe", Value<WorkloadSpec>(&WorkloadSpec::exe, AbsolutePath())},
      {"cgroup", Value<WorkloadSpec>(&WorkloadSpec::cgroup, AbsolutePath())},
      {"unit", Value<WorkloadSpec>(&WorkloadSpec::unit, UnitName())},
      {"user", User()},
  };
  return keys;
}

const Keys<WorkloadSpec>& WorkloadKeys() {
  static const Keys<WorkloadSpec> keys = {
      {"name", Value<WorkloadSpec>(&WorkloadSpec::name, Text()), true},
      {"role", Value<WorkloadSpec>(&WorkloadSpec::role, Choice<Role>(Roles())), true},
      {"confirm",
       Section<WorkloadSpec>(
           [](WorkloadSpec & w) -> auto& { return w; }, ConfirmKeys()),
       true},
      {"serving_ports", ListOf<WorkloadSpec>(&WorkloadSpec::serving_ports, Count(1, 65535), Merge::kAppend)},
  };
  return keys;
}

const Keys<EgressConfig>& EgressKeys() {
  using C = EgressConfig;
  static const Keys<C> keys = {
      {"ladder", ListOf<C>(&C::ladder, Share(0, 1), Merge::kReplace, Order::kAscending)},
      {"windows", ListOf<C>(&C::windows, Time(absl::Seconds(1), kLongestWindow), Merge::kReplace, Order::kAscending)},
      {"min_bytes", Value<C>(&C::min_bytes, ByteSize(1, kTebibyte))},
      {"serving_share", Value<C>(&C::serving_share, Share(0, 100))},
      {"max_budgets", Value<C>(&C::max_budgets, Count(1, kMaxEntries))},
      {"max_sockets", Value<C>(&C::max_sockets, Count(1, kMaxEntries))},
  };
  return keys;
}

const Keys<IntegrityConfig>& IntegrityKeys() {
  using C = IntegrityConfig;
  static const Keys<C> keys = {
      {"birth_grace", Value<C>(&C::birth_grace, Time(absl::ZeroDuration(), absl::Hours(24)))},
      {"max_matters", Value<C>(&C::max_matters, Count(1, kMaxEntries))},
  };
  return keys;
}

const Keys<ExtractionConfig>& ExtractionKeys() {
  using C = ExtractionConfig;
  static const Keys<C> keys = {
      {"ladder", ListOf<C>(&C::ladder, Count(1, uint64_t{1} << 40), Merge::kReplace, Order::kAscending)},
      {"window", Value<C>(&C::window, Time(absl::Seconds(1), kLongestWindow))},
      {"burst_requests", Value<C>(&C::burst_requests, Count(1, uint64_t{1} << 40))},
      {"burst_window", Value<C>(&C::burst_window, Time(absl::Seconds(1), absl::Hours(24)))},
      {"history_sigma", Value<C>(&C::history_sigma, Number(1, 1000))},
      {"template_min_requests", Value<C>(&C::template_min_requests, Count(1, uint64_t{1} << 40))},
      {"template_share", Value<C>(&C::template_share, Share(0, 1))},
      {"template_distinct", Value<C>(&C::template_distinct, Share(0, 1))},
      {"max_clients", Value<C>(&C::max_clients, Count(1, kMaxEntries))},
      {"max_summaries", Value<C>(&C::max_summaries, Count(1, kMaxEntries))},
  };
  return keys;
}

const Keys<HttpMeterConfig>& HttpKeys() {
  using C = HttpMeterConfig;
  static const Keys<C> keys = {
      {"trusted_proxies", ListOf<C>(&C::trusted_proxies, AddressOrBlock(), Merge::kAppend)},
      {"api_key_headers", ListOf<C>(&C::api_key_headers, HeaderName(), Merge::kReplace)},
      {"prefix_bytes", Value<C>(&C::prefix_bytes, ByteSize(8, 4096))},
      {"max_connections", Value<C>(&C::max_connections, Count(1, kMaxEntries))},
      {"max_head_bytes", Value<C>(&C::max_head_bytes, ByteSize(256, 1 << 20))},
  };
  return keys;
}

const Keys<SensorConfig>& SensorKeys() {
  using C = SensorConfig;
  static const Keys<C> keys = {
      {"discover_min_bytes", Value<C>(&C::discover_min_bytes, ByteSize(0, kTebibyte))},
      {"escalation_hold", Value<C>(&C::escalation_hold, Time(absl::Seconds(1), absl::Hours(24)))},
      {"urgent_ring", Value<C>(&C::urgent_ring_bytes, PowerOfTwo(64 << 10, 1 << 30))},
      {"bulk_ring", Value<C>(&C::bulk_ring_bytes, PowerOfTwo(64 << 10, 1 << 30))},
      {"tier", Value<C>(&C::tier, OneOf({"object", "data_path", "syscall"}))},
  };
  return keys;
}

std::vector<std::pair<std::string, int>> SavingPriorities() {
  std::vector<std::pair<std::string, int>> priorities = {{"never", -1}};
  for (int i = 0; i <= static_cast<int>(Priority::kDebug); ++i) {
    priorities.emplace_back(PriorityName(static_cast<Priority>(i)), i);
  }
  return priorities;
}

const Keys<RecorderConfig>& RecorderKeys() {
  using C = RecorderConfig;
  static const Keys<C> keys = {
      {"size", Value<C>(&C::max_bytes, ByteSize(1 << 20, uint64_t{4} << 30)), true},
      {"dir", Value<C>(&C::dir, AbsolutePath())},
      {"on_alert", Value<C>(&C::on_alert, Choice<int>(SavingPriorities()))},
      {"before", Value<C>(&C::before, Time(absl::ZeroDuration(), absl::Hours(24)))},
      {"after", Value<C>(&C::after, Time(absl::Seconds(1), absl::Minutes(10)))},
      {"keep", Value<C>(&C::keep, Count(1, 10'000))},
  };
  return keys;
}

const Keys<HostModelConfig>& LimitKeys() {
  using C = HostModelConfig;
  static const Keys<C> keys = {
      {"max_processes", Value<C>(&C::max_processes, Count(64, kMaxEntries))},
      {"max_dead_processes", Value<C>(&C::max_dead_processes, Count(1, kMaxEntries))},
      {"max_assets", Value<C>(&C::max_assets, Count(1, kMaxEntries))},
  };
  return keys;
}

const Keys<SinkConfig>& OutputKeys() {
  using C = SinkConfig;
  static const Keys<C> keys = {
      {"type", Value<C>(&C::type, OneOf({"stdout", "file"})), true},
      {"format", Value<C>(&C::format, Choice<AlertFormat>({{"json", AlertFormat::kJson},
                                                           {"falco", AlertFormat::kFalco},
                                                           {"text", AlertFormat::kText}}))},
      {"path", Value<C>(&C::path, AbsolutePath())},
      {"max_size", Value<C>(&C::max_bytes, ByteSize(4096, kTebibyte))},
      {"keep", Value<C>(&C::keep, Count(0, 100))},
  };
  return keys;
}

}  // namespace

const Keys<AgentConfig>& TopKeys() {
  using C = AgentConfig;
  const auto workloads = [](C & c) -> auto& { return c.host.workloads; };
  static const Keys<C> keys = {
      {"state_dir", Value<C>(&C::state_dir, AbsolutePath())},
      {"rules", Rules()},
      {"discover", Value<C>(&C::discover, Boolean())},
      {"discover_paths", ListOf<C>(&C::discover_paths, AbsolutePath(), Merge::kAppend)},
      {"assets", MapList<C, decltype(&C::assets), AssetSpec>(&C::assets, AssetKeys(), CheckAsset)},
      {"workloads", MapList<C, decltype(workloads), WorkloadSpec>(workloads, WorkloadKeys(), CheckWorkload)},
      {"egress", Section<C>(&C::egress, EgressKeys())},
      {"integrity", Section<C>(&C::integrity, IntegrityKeys())},
      {"extraction", Section<C>(&C::extraction, ExtractionKeys())},
      {"http", Section<C>(&C::http, HttpKeys())},
      {"sensor", Section<C>(&C::sensor, SensorKeys())},
      {"recorder", Section<C>(&C::recorder, RecorderKeys())},
      {"limits", Section<C>(&C::host, LimitKeys())},
      {"outputs", MapList<C, decltype(&C::outputs), SinkConfig>(&C::outputs, OutputKeys(), CheckOutput)},
  };
  return keys;
}

}  // namespace tensorwarden::config
