#include "agent/sensor/bpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string_view>

namespace tensorwarden {
namespace {

constexpr size_t kMaxLines = 256;
constexpr size_t kMaxMessageBytes = 65536;  // a verifier log arrives as one message; its end is what matters

std::mutex mutex;
std::deque<std::string>& Lines() {
  static std::deque<std::string>* lines = new std::deque<std::string>;
  return *lines;
}

void Keep(std::string_view message) {
  std::lock_guard<std::mutex> lock(mutex);
  while (!message.empty()) {
    const size_t end = std::min(message.find('\n'), message.size());
    if (end > 0) Lines().emplace_back(message.substr(0, end));
    if (Lines().size() > kMaxLines) Lines().pop_front();
    message.remove_prefix(std::min(end + 1, message.size()));
  }
}

__attribute__((format(printf, 2, 0))) int Print(libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, args);
  const int size = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (size <= 0) return 0;
  std::string message(static_cast<size_t>(size) + 1, '\0');
  vsnprintf(message.data(), message.size(), format, args);
  std::string_view text(message.data(), static_cast<size_t>(size));
  if (text.size() > kMaxMessageBytes) text.remove_prefix(text.size() - kMaxMessageBytes);
  Keep(text);
  return 0;
}

// Statistics that the verifier appends after its verdict, and frames that libbpf puts around the log.
bool IsNoise(std::string_view line) {
  return line.starts_with("processed ") || line.find("BEGIN PROG LOAD LOG") != std::string_view::npos ||
         line.find("END PROG LOAD LOG") != std::string_view::npos || line.starts_with("libbpf: failed to load object");
}

bool IsLibbpf(std::string_view line) { return line.starts_with("libbpf: "); }

}  // namespace

void BpfLog::Install() { libbpf_set_print(&Print); }

std::vector<std::string> BpfLog::Take() {
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::string> lines(Lines().begin(), Lines().end());
  Lines().clear();
  return lines;
}

std::string LastWords(const std::vector<std::string>& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (!IsLibbpf(*line) && !IsNoise(*line)) return *line;
  for (const std::string& line : lines)
    if (IsLibbpf(line) && !IsNoise(line)) return line.substr(8);
  return "";
}

std::string FailedProgram(const std::vector<std::string>& lines) {
  constexpr std::string_view kBefore = "libbpf: prog '";
  for (const std::string& line : lines) {
    if (!line.starts_with(kBefore)) continue;
    const size_t end = line.find('\'', kBefore.size());
    const bool failed = line.find("failed to load") != std::string::npos ||
                        line.find("BPF program load failed") != std::string::npos ||
                        line.find("failed to find kernel BTF type") != std::string::npos ||
                        line.find("failed to prepare load attributes") != std::string::npos;
    if (end != std::string::npos && failed) return line.substr(kBefore.size(), end - kBefore.size());
  }
  return "";
}

}  // namespace tensorwarden
