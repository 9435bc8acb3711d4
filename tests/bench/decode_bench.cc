// Records per second through the decoder, one core, by kind: what a flood of each kind costs before anything looks at
// it.
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include "agent/event/decode.h"
#include "bpf/abi/event.h"

namespace {

constexpr int kRecords = 1'000'000;

event_header Header(size_t size, uint16_t kind) {
  event_header header{};
  header.size = static_cast<uint32_t>(size);
  header.kind = kind;
  header.ktime_ns = 1'000'000'007;
  header.tgid = header.tid = 4242;
  header.start_ns = 999;
  return header;
}

template <typename Wire>
std::vector<std::byte> Bytes(const Wire& wire, size_t size = sizeof(Wire)) {
  std::vector<std::byte> bytes(size);
  std::memcpy(bytes.data(), &wire, size);
  return bytes;
}

std::vector<std::byte> Read() {
  file_read_event wire{};
  wire.hdr = Header(sizeof(wire), EVENT_KIND_FILE_READ);
  wire.file = {.dev = 8 << 20, .ino = 77, .generation = 1, .pad = 0};
  wire.labels = 1;
  wire.bytes = wire.covered_bytes = 4096;
  wire.access = EVENT_ACCESS_READ;
  return Bytes(wire);
}

std::vector<std::byte> Open() {
  constexpr std::string_view kPath = "/usr/lib/python3/dist-packages/torch/__init__.py";
  file_open_event wire{};
  const size_t size = offsetof(file_open_event, path) + kPath.size() + 1;
  wire.hdr = Header(size, EVENT_KIND_FILE_OPEN);
  wire.path_len = kPath.size();
  std::memcpy(wire.path, kPath.data(), kPath.size());
  return Bytes(wire, size);
}

std::vector<std::byte> Exec() {
  constexpr std::string_view kArgs("python3\0-m\0vllm.entrypoints.openai.api_server\0--port\0008000\0", 59);
  process_exec_event wire{};
  wire.hdr = Header(sizeof(wire), EVENT_KIND_PROCESS_EXEC);
  std::strncpy(wire.comm, "python3", sizeof(wire.comm));
  std::strncpy(wire.path, "/usr/bin/python3.11", sizeof(wire.path));
  std::strncpy(wire.cwd, "/srv/models", sizeof(wire.cwd));
  wire.args_len = kArgs.size();
  std::memcpy(wire.args, kArgs.data(), kArgs.size());
  return Bytes(wire);
}

// False when a record did not decode: then the figure would be that of an error path.
bool Run(std::string_view name, const std::vector<std::byte>& record) {
  int decoded = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRecords; ++i) decoded += tensorwarden::DecodeEvent(record).ok() ? 1 : 0;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{{\"bench\":\"decode_{}\",\"records\":{},\"seconds\":{:.4f},\"records_per_second\":{:.0f}}}\n", name,
             decoded, seconds, kRecords / seconds);
  return decoded == kRecords;
}

}  // namespace

int main() {
  const bool ok = Run("file_read", Read()) & Run("file_open", Open()) & Run("process_exec", Exec());
  return ok ? 0 : 1;
}
