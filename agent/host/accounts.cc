#include "agent/host/accounts.h"

#include <algorithm>
#include <vector>

namespace tensorwarden {
namespace {

using ById = absl::flat_hash_map<uint32_t, std::string>;

ById Index(const std::vector<AccountName>& names, size_t most) {
  ById by_id;
  for (const AccountName& one : names) {
    if (by_id.size() == most) break;
    by_id.try_emplace(one.id, one.name);
  }
  return by_id;
}

std::vector<AccountName> Sorted(const ById& by_id) {
  std::vector<AccountName> names;
  for (const auto& [id, name] : by_id) names.push_back({id, name});
  std::sort(names.begin(), names.end(), [](const AccountName& a, const AccountName& b) { return a.id < b.id; });
  return names;
}

}  // namespace

void Accounts::Take(const AccountNames& names) {
  users_ = Index(names.users, kMaxNames);
  groups_ = Index(names.groups, kMaxNames);
}

std::string_view Accounts::NameOf(const ById& names, uint32_t id) {
  const auto at = names.find(id);
  return at == names.end() ? std::string_view() : std::string_view(at->second);
}

AccountNames Accounts::All() const { return {.users = Sorted(users_), .groups = Sorted(groups_)}; }

}  // namespace tensorwarden
