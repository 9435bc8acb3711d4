// The host's users and groups as /etc/passwd and /etc/group have them. Files alone: what a directory service (LDAP,
// SSSD) knows would have to be asked for, and its answer waited for, so its users stay numbers.
#pragma once

#include <sys/stat.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/event/event.h"

namespace tensorwarden {

class AccountFiles {
 public:
  static constexpr size_t kMaxFileBytes = 4 << 20;  // of a longer file no name is known

  explicit AccountFiles(const std::string& folder = "/etc");

  // All names, when a file is not the one of the last call; else two stat(2) and no more.
  std::optional<AccountNames> Changed();

 private:
  struct Version {
    dev_t dev = 0;
    ino_t ino = 0;
    off_t size = 0;
    timespec mtime{};
    bool operator==(const Version& other) const;
  };
  static Version VersionOf(const std::string& path);

  std::array<std::string, 2> paths_;
  std::optional<std::array<Version, 2>> seen_;
};

// Of lines `name:password:id:...`; what is none is left out.
std::vector<AccountName> ParseAccounts(std::string_view text);

}  // namespace tensorwarden
