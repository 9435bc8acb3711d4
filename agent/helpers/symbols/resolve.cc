#include "agent/helpers/symbols/resolve.h"

#include <bcc/bcc_elf.h>
#include <bcc/bcc_syms.h>
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tensorwarden::symbols {
namespace {

constexpr uint64_t kMaxCopyBytes = 64 << 20;
constexpr uint64_t kMaxUnsized = 4096;      // how far behind a symbol without a size code may still be its own
constexpr size_t kMaxMangled = 1024;        // a demangler's work grows faster than its input
constexpr size_t kMaxExecutableParts = 64;  // of one file

// One frame on its way through a module.
struct Search {
  size_t frame = 0;      // index in the request
  uint64_t offset = 0;   // in the file
  uint64_t address = 0;  // as the file's symbols count; UINT64_MAX: in no executable part
  uint64_t start = 0;    // of the best symbol so far
  bool sized = false;    // that symbol says how long it is, so the address is surely in it
  std::string name;
};

struct Part {
  uint64_t address = 0;
  uint64_t bytes = 0;
  uint64_t offset = 0;
};

int TakePart(uint64_t address, uint64_t bytes, uint64_t offset, void* payload) {
  auto& parts = *static_cast<std::vector<Part>*>(payload);
  parts.push_back({address, bytes, offset});
  return parts.size() < kMaxExecutableParts ? 0 : -1;
}

int TakeSymbol(const char* name, uint64_t start, uint64_t bytes, void* payload) {
  for (Search& search : *static_cast<std::vector<Search>*>(payload)) {
    if (search.address == UINT64_MAX || search.address < start) continue;
    const uint64_t distance = search.address - start;
    const bool sized = bytes != 0;
    if (distance >= (sized ? bytes : kMaxUnsized)) continue;
    const bool better =
        search.name.empty() || (sized && !search.sized) || (sized == search.sized && start > search.start);
    if (!better || (!sized && search.sized)) continue;
    search.start = start;
    search.sized = sized;
    search.name.assign(name, strnlen(name, kMaxMangled));
  }
  return 0;
}

std::string Demangle(const std::string& name) {
  if (!name.starts_with("_Z") || name.size() >= kMaxMangled) return name;
  int status = -1;
  char* plain = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string text = status == 0 && plain != nullptr ? plain : name;
  std::free(plain);
  return text;
}

// libelf opens by path, with this process's rights: a file that only its owner may read goes into memory of our own.
UniqueFd Readable(const UniqueFd& file) {
  UniqueFd direct(open(fmt::format("/proc/self/fd/{}", file.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (direct) return direct;
  UniqueFd copy(memfd_create("module", MFD_CLOEXEC));
  std::vector<char> buffer(1 << 20);
  uint64_t done = 0;
  while (copy && done < kMaxCopyBytes) {
    const ssize_t n = pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (n <= 0) break;
    if (write(copy.get(), buffer.data(), static_cast<size_t>(n)) != n) return {};
    done += static_cast<uint64_t>(n);
  }
  return copy;
}

void SearchModule(const UniqueFd& file, std::vector<Search>& searches) {
  struct stat st {};
  if (fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return;
  const UniqueFd readable = Readable(file);
  const std::string path = fmt::format("/proc/self/fd/{}", readable.get());
  std::vector<Part> parts;
  if (!readable || bcc_elf_foreach_load_section(path.c_str(), TakePart, &parts) < 0) return;
  for (Search& search : searches) {
    search.address = UINT64_MAX;
    for (const Part& part : parts)
      if (search.offset >= part.offset && search.offset - part.offset < part.bytes)
        search.address = search.offset - part.offset + part.address;
  }
  bcc_symbol_option option{};  // no debug file: it would be looked for by a path that the module names
  option.use_symbol_type = 1 << STT_FUNC | 1 << STT_GNU_IFUNC;
  bcc_elf_foreach_sym(path.c_str(), TakeSymbol, &option, &searches);
}

}  // namespace

SymbolReply Resolve(const SymbolRequest& request, std::span<const UniqueFd> files) {
  SymbolReply reply(request.frames.size());
  for (uint32_t module = 0; module < files.size() && module < request.modules; ++module) {
    std::vector<Search> searches;
    for (size_t i = 0; i < request.frames.size(); ++i)
      if (request.frames[i].module == module) searches.push_back({.frame = i, .offset = request.frames[i].offset});
    if (searches.empty()) continue;
    SearchModule(files[module], searches);
    for (const Search& search : searches) {
      if (search.name.empty()) continue;
      reply[search.frame].function = Demangle(search.name).substr(0, kMaxSymbolName);
      reply[search.frame].offset = search.address - search.start;
    }
  }
  return reply;
}

}  // namespace tensorwarden::symbols
