// Users and groups of the host by name, as the last AccountNames event told them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/event/event.h"

namespace tensorwarden {

class Accounts {
 public:
  static constexpr size_t kMaxNames = 65536;  // of each; further ones have no name

  // In place of what was known. Of several names for one id the first counts, as in the files.
  void Take(const AccountNames& names);

  bool Known() const { return !users_.empty() || !groups_.empty(); }
  std::string_view UserName(uint32_t uid) const { return NameOf(users_, uid); }
  std::string_view GroupName(uint32_t gid) const { return NameOf(groups_, gid); }
  // As an event, by rising ids.
  AccountNames All() const;

 private:
  using ById = absl::flat_hash_map<uint32_t, std::string>;
  static std::string_view NameOf(const ById& names, uint32_t id);

  ById users_;
  ById groups_;
};

}  // namespace tensorwarden
