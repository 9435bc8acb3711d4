#include "agent/daemon/account_files.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <string_view>
#include <tuple>

#include "agent/base/files.h"
#include "agent/host/accounts.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxNameBytes = 256;

std::string_view Cut(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool IsPlain(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
}

std::vector<AccountName> Read(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, AccountFiles::kMaxFileBytes);
  return text.ok() ? ParseAccounts(*text) : std::vector<AccountName>();
}

}  // namespace

std::vector<AccountName> ParseAccounts(std::string_view text) {
  std::vector<AccountName> accounts;
  while (!text.empty() && accounts.size() < Accounts::kMaxNames) {
    std::string_view line = Cut(text, '\n');
    const std::string_view name = Cut(line, ':');
    Cut(line, ':');
    const std::string id(Cut(line, ':'));
    uint32_t number = 0;
    // Lines of NIS begin with + or -.
    if (!IsPlain(name) || name[0] == '+' || name[0] == '-' || name[0] == '#' || !absl::SimpleAtoi(id, &number))
      continue;
    accounts.push_back({number, std::string(name)});
  }
  return accounts;
}

bool AccountFiles::Version::operator==(const Version& other) const {
  const auto all = [](const Version& v) { return std::tuple(v.dev, v.ino, v.size, v.mtime.tv_sec, v.mtime.tv_nsec); };
  return all(*this) == all(other);
}

AccountFiles::AccountFiles(const std::string& folder) : paths_{folder + "/passwd", folder + "/group"} {}

AccountFiles::Version AccountFiles::VersionOf(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return {};
  return {.dev = st.st_dev, .ino = st.st_ino, .size = st.st_size, .mtime = st.st_mtim};
}

std::optional<AccountNames> AccountFiles::Changed() {
  const std::array<Version, 2> now = {VersionOf(paths_[0]), VersionOf(paths_[1])};
  if (seen_ == now) return std::nullopt;
  seen_ = now;
  return AccountNames{.users = Read(paths_[0]), .groups = Read(paths_[1])};
}

}  // namespace tensorwarden
