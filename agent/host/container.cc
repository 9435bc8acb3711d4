#include "agent/host/container.h"

#include <algorithm>
#include <iterator>

namespace tensorwarden {
namespace {

constexpr size_t kIdDigits = 64;

// "docker-ID.scope" of systemd's driver, by prefix.
struct ScopeRow {
  std::string_view prefix;
  std::string_view runtime;
  bool any_name;  // the rest is a name and no hash
};
constexpr ScopeRow kScopes[] = {
    {"docker-", "docker", false},        {"cri-containerd-", "containerd", false},
    {"nerdctl-", "containerd", false},   {"crio-", "cri-o", false},
    {"libpod-", "podman", false},        {"libpod-payload-", "podman", false},
    {"systemd-nspawn@", "nspawn", true}, {"machine-", "nspawn", true},
    {"lxc.payload.", "lxc", true},
};

// "parent/ID" of the cgroupfs driver, by what stands before the id.
struct ParentRow {
  std::string_view parent;
  std::string_view runtime;
  bool any_name;
};
constexpr ParentRow kParents[] = {{"docker", "docker", false},
                                  {"k8s.io", "containerd", false},
                                  {"libpod_parent", "podman", false},
                                  {"lxc", "lxc", true}};

bool IsId(std::string_view text) {
  return text.size() == kIdDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view WithoutUnitSuffix(std::string_view component) {
  for (const std::string_view suffix : {".scope", ".service"})
    if (component.ends_with(suffix)) return component.substr(0, component.size() - suffix.size());
  return component;
}

// The last component, which goes off the path.
std::string_view TakeLast(std::string_view& path) {
  const size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  return last;
}

// `path`: what is before the component.
ContainerId FromComponent(std::string_view component, std::string_view path) {
  const std::string_view name = WithoutUnitSuffix(component);
  for (const ScopeRow& row : kScopes) {
    if (!name.starts_with(row.prefix)) continue;
    const std::string_view id = name.substr(row.prefix.size());
    if (row.any_name ? !id.empty() : IsId(id)) return {.id = id, .runtime = row.runtime, .pod = {}};
  }
  const std::string_view parent = TakeLast(path);
  for (const ParentRow& row : kParents)
    if (parent == row.parent && (row.any_name ? !component.empty() : IsId(component)))
      return {.id = component, .runtime = row.runtime, .pod = {}};
  // Below a pod the runtime does not name itself.
  return IsId(component) ? ContainerId{.id = component, .runtime = "container", .pod = {}} : ContainerId{};
}

// "podUID", or "kubepods-burstable-podUID.slice".
std::string_view PodOf(std::string_view path) {
  constexpr size_t kUidLetters = 32;  // without its separators
  while (!path.empty()) {
    std::string_view component = TakeLast(path);
    if (component.ends_with(".slice")) component.remove_suffix(6);
    const size_t at = component.starts_with("pod") ? 0 : component.rfind("-pod");
    if (at == std::string_view::npos) continue;
    const std::string_view uid = component.substr(at + (at == 0 ? 3 : 4));
    if (uid.size() >= kUidLetters) return uid;
  }
  return {};
}

}  // namespace

ContainerId ContainerOf(std::string_view cgroup) {
  std::string_view path = cgroup;
  while (!path.empty()) {
    const std::string_view component = TakeLast(path);
    ContainerId found = FromComponent(component, path);
    if (found.id.empty()) continue;
    found.pod = PodOf(path);
    return found;
  }
  return {};
}

}  // namespace tensorwarden
