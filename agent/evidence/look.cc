#include "agent/evidence/look.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/base/status_text.h"
#include "agent/evidence/descriptors.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxMapsBytes = 8 << 20;  // 64 Ki mappings, the kernel's default bound, of 128 bytes

void Miss(Evidence& evidence, std::string_view what) {
  evidence.missing += fmt::format("{}{}", evidence.missing.empty() ? "" : "; ", what);
}

// Not whole when the list is longer than the bound: a stack is found in what there is.
std::string ReadMaps(const EvidenceConfig& config, uint32_t tgid) {
  const UniqueFd fd(open(fmt::format("{}/{}/maps", config.proc, tgid).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[65536];
  while (fd && text.size() < kMaxMapsBytes) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

void LookAtStack(const EvidenceConfig& config, const EvidenceWish& wish, Look& look) {
  look.stack = LocateStack(wish.stack, ParseMaps(ReadMaps(config, wish.process.tgid)));
  for (const Mapping& module : look.stack.modules) {
    absl::StatusOr<UniqueFd> file = OpenMapped(config.proc, wish.process.tgid, module);
    if (!file.ok()) return Miss(look.found.evidence, fmt::format("function names: {}", StatusText(file.status())));
    look.modules.push_back(*std::move(file));
  }
}

}  // namespace

Collected Bare(const EvidenceWish& wish, const std::string& why) {
  Collected bare{.process = wish.process, .evidence = {.cause_seq = wish.cause_seq}, .mapped = {}};
  for (const uint64_t address : wish.stack) bare.evidence.stack.push_back({.address = address});
  bare.evidence.missing = why;
  return bare;
}

Look LookAt(const EvidenceConfig& config, const EvidenceWish& wish) {
  Look look;
  look.found = {.process = wish.process, .evidence = {.cause_seq = wish.cause_seq}, .mapped = {}};
  Evidence& evidence = look.found.evidence;
  absl::StatusOr<Holdings> holdings = config.holdings(wish.process);
  if (!holdings.ok()) {
    Miss(evidence, StatusText(holdings.status()));
    holdings = Holdings();
  }
  DescriptorList list = ListDescriptors(config.proc, wish.process.tgid, holdings->files);
  if (!list.problem.empty()) Miss(evidence, list.problem);
  evidence.descriptors = std::move(list.held);
  evidence.more_descriptors = list.more;
  look.found.mapped = std::move(holdings->mapped);
  if (!wish.stack.empty()) LookAtStack(config, wish, look);
  // Last: whatever was read until now was of this process and not of one that took over its number.
  if (!config.is_alive(wish.process)) {
    look = {};
    look.found = Bare(wish, "the process had ended before it was looked at");
    for (const StackFrame& frame : look.found.evidence.stack) look.stack.frames.push_back(frame);
  }
  return look;
}

Collected Finish(Look look, SymbolClient& symbols) {
  const SymbolRequest& request = look.stack.request;
  if (!request.frames.empty() && look.modules.size() == request.modules) {
    std::vector<int> files;
    for (const UniqueFd& module : look.modules) files.push_back(module.get());
    look.stack.request.process = look.found.process;
    const absl::StatusOr<SymbolReply> names = symbols.Ask(request, files);
    if (names.ok())
      NameFrames(*names, look.stack);
    else
      Miss(look.found.evidence, fmt::format("function names: {}", StatusText(names.status())));
  }
  look.found.evidence.stack = std::move(look.stack.frames);
  return std::move(look.found);
}

}  // namespace tensorwarden
