#include <fmt/format.h>

#include "agent/host/host_model.h"

namespace tensorwarden {
namespace {

// By value of Role.
constexpr const char* kRoleNames[] = {"none", "inference", "training", "pipeline", "registry", "notebook", "admin"};

}  // namespace

const char* RoleName(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

absl::StatusOr<Role> ParseRole(std::string_view name) {
  for (size_t i = 0; i < std::size(kRoleNames); ++i)
    if (name == kRoleNames[i]) return static_cast<Role>(i);
  return absl::NotFoundError(
      fmt::format("unknown role '{}': use inference, training, pipeline, registry, notebook, admin or none", name));
}

}  // namespace tensorwarden
