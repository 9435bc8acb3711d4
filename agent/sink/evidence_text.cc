#include "agent/sink/evidence_text.h"

#include <fmt/format.h>

namespace tensorwarden {
namespace {

constexpr size_t kMaxFrames = 6;  // the outer ones are the interpreter's or the start's
constexpr size_t kMaxListed = 8;  // descriptors; sockets are the first

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string FrameText(const StackFrame& frame) {
  if (!frame.function.empty())
    return fmt::format("{}+{:#x} ({})", frame.function, frame.function_offset, BaseName(frame.module));
  if (!frame.module.empty()) return fmt::format("{}+{:#x}", BaseName(frame.module), frame.module_offset);
  return fmt::format("{:#x}", frame.address);
}

std::string DescriptorText(const HeldDescriptor& held) {
  std::string text = fmt::format("{} {}", held.fd, held.type);
  if (!held.path.empty()) text += " " + held.path;
  if (!held.peer.empty()) text += fmt::format(" {} > {}", held.local, held.peer);
  return text;
}

}  // namespace

std::string StackText(const Evidence& evidence) {
  std::string text;
  for (size_t i = 0; i < evidence.stack.size() && i < kMaxFrames; ++i)
    text += (i == 0 ? "" : " < ") + FrameText(evidence.stack[i]);
  return text;
}

std::string DescriptorsText(const Evidence& evidence) {
  std::string text;
  for (size_t i = 0; i < evidence.descriptors.size() && i < kMaxListed; ++i)
    text += (i == 0 ? "" : "; ") + DescriptorText(evidence.descriptors[i]);
  const size_t listed = std::min(evidence.descriptors.size(), kMaxListed);
  const uint64_t more = evidence.descriptors.size() - listed + evidence.more_descriptors;
  return more == 0 ? text : fmt::format("{}; {} more", text, more);
}

}  // namespace tensorwarden
