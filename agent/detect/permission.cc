#include "agent/detect/permission.h"

#include <algorithm>

namespace tensorwarden {
namespace {

struct Makes {
  Role role;
  std::string_view klass;
};

constexpr Makes kMakes[] = {
    {Role::kTraining, "model"},        {Role::kTraining, "checkpoint"},     {Role::kTraining, "adapter"},
    {Role::kTraining, "tokenizer"},    {Role::kPipeline, "model"},          {Role::kPipeline, "checkpoint"},
    {Role::kPipeline, "adapter"},      {Role::kPipeline, "tokenizer"},      {Role::kPipeline, "dataset"},
    {Role::kPipeline, "vector_store"}, {Role::kPipeline, "knowledge_base"}, {Role::kRegistry, "model"},
    {Role::kRegistry, "checkpoint"},   {Role::kRegistry, "adapter"},        {Role::kRegistry, "tokenizer"},
};

}  // namespace

bool RoleMakes(Role role, std::string_view klass) {
  if (role == Role::kAdmin) return true;
  return std::any_of(std::begin(kMakes), std::end(kMakes),
                     [&](const Makes& row) { return row.role == role && row.klass == klass; });
}

bool MayChange(const ProcessInfo& process, std::string_view klass) {
  return process.role_confirmed && RoleMakes(process.role, klass);
}

}  // namespace tensorwarden
