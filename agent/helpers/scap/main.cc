// tensorwarden-scap: a Sysdig or Falco capture on descriptor 0 becomes one of ours on descriptor 1. Started by
// `tensorwarden replay`. Reads hostile bytes with a library that was not made for them, so without any privilege.
#include <fcntl.h>
#include <sinsp.h>
#include <sys/syscall.h>

#include <cstdio>
#include <exception>

#include "agent/capture/capture.h"
#include "agent/helpers/sandbox.h"
#include "agent/helpers/scap/translate.h"

namespace {

constexpr int kInput = 4;                           // to libsinsp 0 is none; 3 is the writer's descriptor of the pipe
constexpr uint64_t kMaxMemory = uint64_t{4} << 30;  // the libraries alone map one
// What libsinsp and its threads ask for beyond reading.
constexpr int kMoreCalls[] = {SYS_mprotect,
                              SYS_getpid,
                              SYS_gettid,
                              SYS_sysinfo,
                              SYS_prlimit64,
                              SYS_uname,
                              SYS_getuid,
                              SYS_geteuid,
                              SYS_ioctl,
                              SYS_clock_nanosleep,
                              SYS_pipe2,
                              SYS_eventfd2,
                              SYS_sched_getaffinity,
#ifdef SYS_readlink
                              SYS_readlink,
#endif
#ifdef SYS_access
                              SYS_access,
#endif
                              SYS_readlinkat};

// False: the other end is gone, or the capture is broken; why is on descriptor 2.
bool Convert(tensorwarden::CaptureWriter& out) {
  absl::Status written;
  tensorwarden::scap::Translator translator([&](const tensorwarden::Event& event) {
    if (written.ok()) written = out.Append(event);
  });
  sinsp inspector(true);  // one container for all: the others' engines would ask this host's runtimes
  inspector.fdopen(kInput);
  sinsp_evt* event = nullptr;
  bool begun = false;
  int32_t result = SCAP_SUCCESS;
  while (written.ok() && (result = inspector.next(&event)) != SCAP_EOF) {
    if (result == SCAP_TIMEOUT) continue;
    if (result != SCAP_SUCCESS) {
      std::fprintf(stderr, "%s\n", inspector.getlasterr().c_str());
      break;
    }
    if (!begun) translator.Begin(inspector, event->get_ts());
    begun = true;
    translator.Translate(*event);
  }
  translator.End();
  if (written.ok()) written = out.Close();
  if (!written.ok()) std::fprintf(stderr, "%s\n", std::string(written.message()).c_str());
  return written.ok() && result == SCAP_EOF;
}

}  // namespace

int main() {
  absl::StatusOr<std::unique_ptr<tensorwarden::CaptureWriter>> out =
      tensorwarden::CaptureWriter::Create("/proc/self/fd/1");
  if (!out.ok() || lseek(1, 0, SEEK_CUR) >= 0) {
    std::fputs("tensorwarden-scap: `tensorwarden replay FILE.scap` starts this program\n", stderr);
    return 2;
  }
  if (dup2(0, kInput) < 0 ||
      !tensorwarden::helpers::EnterSandbox({.last_fd = kInput, .max_memory = kMaxMemory, .more_calls = kMoreCalls}))
    return 1;
  try {
    return Convert(**out) ? 0 : 1;
  } catch (const std::exception& e) {  // of libsinsp
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
