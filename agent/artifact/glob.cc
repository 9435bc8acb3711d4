#include "agent/artifact/glob.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace tensorwarden {
namespace {

constexpr size_t kMaxDepth = 64;

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

// Whether `c` is in the set that begins at pattern[at] == '['. `end` becomes the offset past its ']', or stays at 0
// when it is not closed.
bool MatchSet(std::string_view pattern, size_t at, char c, size_t& end) {
  size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    const bool range = i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']';
    found |= range ? pattern[i] <= c && c <= pattern[i + 2] : pattern[i] == c;
    if (range) i += 2;
  }
  end = i < pattern.size() ? i + 1 : 0;
  return found != negated;
}

// Length of the pattern's next item when it matches `c`, else 0.
size_t MatchOne(std::string_view pattern, size_t at, char c) {
  if (at >= pattern.size() || pattern[at] == '*') return 0;
  if (pattern[at] == '?') return 1;
  if (pattern[at] == '\\' && at + 1 < pattern.size()) return pattern[at + 1] == c ? 2 : 0;
  if (pattern[at] == '[') {
    size_t end = 0;
    const bool in_set = MatchSet(pattern, at, c, end);
    if (end != 0) return in_set ? end - at : 0;
  }
  return pattern[at] == c ? 1 : 0;
}

// One component; linear in practice, as only the last '*' is tried again.
bool MatchComponent(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (const size_t length = MatchOne(pattern, p, text[t]); length != 0) {
      p += length;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

// The same idea over components, with ** as the star.
bool MatchParts(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path) {
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t p = 0, t = 0, star = kNone, retry = 0;
  while (t < path.size()) {
    if (p < pattern.size() && pattern[p] == "**") {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && MatchComponent(pattern[p], path[t])) {
      ++p;
      ++t;
    } else if (star != kNone) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(),
                     [](std::string_view part) { return part == "**"; });
}

bool HasWildcard(std::string_view part) { return part.find_first_of("*?[\\") != std::string_view::npos; }

struct CloseDirectory {
  void operator()(DIR* dir) const { closedir(dir); }
};

enum class Kind : uint8_t { kFile, kDirectory, kLinkToDirectory, kOther };

Kind KindOf(int dir_fd, const char* name, unsigned char type) {
  if (type == DT_REG) return Kind::kFile;
  if (type == DT_DIR) return Kind::kDirectory;
  if (type != DT_LNK && type != DT_UNKNOWN) return Kind::kOther;
  struct stat status;
  if (fstatat(dir_fd, name, &status, 0) != 0) return Kind::kOther;
  if (S_ISREG(status.st_mode)) return Kind::kFile;
  if (!S_ISDIR(status.st_mode)) return Kind::kOther;
  struct stat own;
  const bool link = fstatat(dir_fd, name, &own, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(own.st_mode);
  return link ? Kind::kLinkToDirectory : Kind::kDirectory;
}

class Walker {
 public:
  Walker(const std::string& pattern, size_t max_entries, const std::function<void(const std::string&)>& visit)
      : parts_(Split(pattern)), max_entries_(max_entries), visit_(visit) {}

  WalkResult Run() {
    size_t fixed = 0;
    std::string base;
    while (fixed < parts_.size() && !HasWildcard(parts_[fixed])) base.append("/").append(parts_[fixed++]);
    if (fixed == parts_.size()) {
      struct stat status;
      if (stat(base.c_str(), &status) == 0 && S_ISREG(status.st_mode)) visit_(base);
    } else {
      WalkDirectory(base, fixed, 0);
    }
    return result_;
  }

 private:
  struct Entry {
    std::string name;
    Kind kind;
  };

  // Matches the entries of `path` against the parts from `part` on.
  void WalkDirectory(const std::string& path, size_t part, size_t depth) {
    if (depth > kMaxDepth) {
      result_.truncated = true;
      return;
    }
    const bool deep = parts_[part] == "**";
    for (const Entry& entry : List(path)) {
      const std::string child = path + "/" + entry.name;
      if (deep)
        TakeDeep(child, entry, part, depth);
      else if (MatchComponent(parts_[part], entry.name))
        TakeMatched(child, entry, part, depth);
    }
  }

  void TakeMatched(const std::string& child, const Entry& entry, size_t part, size_t depth) {
    const bool rest_may_be_empty = std::all_of(parts_.begin() + static_cast<std::ptrdiff_t>(part) + 1, parts_.end(),
                                               [](std::string_view p) { return p == "**"; });
    if (entry.kind == Kind::kFile && rest_may_be_empty) visit_(child);
    const bool directory = entry.kind == Kind::kDirectory || entry.kind == Kind::kLinkToDirectory;
    if (directory && part + 1 < parts_.size()) WalkDirectory(child, part + 1, depth + 1);
  }

  // Below a ** every file is judged against the whole rest, so that no directory is walked twice.
  void TakeDeep(const std::string& child, const Entry& entry, size_t part, size_t depth) {
    if (entry.kind == Kind::kDirectory) WalkDirectory(child, part, depth + 1);
    if (entry.kind != Kind::kFile) return;
    if (part + 1 == parts_.size() || MatchParts(parts_, Split(child))) visit_(child);
  }

  std::vector<Entry> List(const std::string& path) {
    std::vector<Entry> entries;
    std::unique_ptr<DIR, CloseDirectory> dir(opendir(path.empty() ? "/" : path.c_str()));
    if (!dir) {
      ++result_.unreadable;
      return entries;
    }
    while (const dirent* entry = readdir(dir.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (result_.entries >= max_entries_) {
        result_.truncated = true;
        break;
      }
      ++result_.entries;
      entries.push_back({std::string(name), KindOf(dirfd(dir.get()), entry->d_name, entry->d_type)});
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
  }

  const std::vector<std::string_view> parts_;
  const size_t max_entries_;
  const std::function<void(const std::string&)>& visit_;
  WalkResult result_;
};

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view path) { return MatchParts(Split(pattern), Split(path)); }

std::string FixedDirectory(std::string_view pattern) {
  const size_t slash = pattern.rfind('/', pattern.find_first_of("*?[\\"));
  return std::string(pattern.substr(0, slash == std::string_view::npos ? 0 : std::max<size_t>(1, slash)));
}

WalkResult WalkGlob(const std::string& pattern, size_t max_entries,
                    const std::function<void(const std::string& path)>& visit) {
  return Walker(pattern, max_entries, visit).Run();
}

}  // namespace tensorwarden
