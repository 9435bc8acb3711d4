// tensorwarden-symbols: names the functions of a user stack. Started by the agent with a framed pipe as descriptor 3;
// one question, one answer, until the other end is closed.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "agent/base/framed_pipe.h"
#include "agent/helpers/sandbox.h"
#include "agent/helpers/symbols/resolve.h"

namespace {

constexpr int kPipe = 3;
constexpr unsigned int kMaxSeconds = 3;  // above the agent's own patience: this is for when the agent cannot kill

using tensorwarden::PipeFrame;

// False: the other end is gone, or does not speak this language.
bool AnswerOne() {
  absl::StatusOr<std::optional<PipeFrame>> frame = tensorwarden::ReceiveFrame(kPipe, -1);
  if (!frame.ok()) return false;
  if (!*frame) return true;
  tensorwarden::helpers::SetClock(kMaxSeconds);
  const absl::StatusOr<tensorwarden::SymbolRequest> request = tensorwarden::DecodeRequest((*frame)->payload);
  if (!request.ok() || (*frame)->fds.size() != request->modules) return false;
  const tensorwarden::SymbolReply reply = tensorwarden::symbols::Resolve(*request, (*frame)->fds);
  const bool sent = tensorwarden::SendFrame(kPipe, (*frame)->id, tensorwarden::EncodeReply(reply), {}).ok();
  tensorwarden::helpers::SetClock(0);
  return sent;
}

}  // namespace

int main() {
  struct stat st {};
  if (fstat(kPipe, &st) != 0 || !S_ISSOCK(st.st_mode)) {
    std::fputs("tensorwarden-symbols: the agent starts this program when an alert needs function names\n", stderr);
    return 2;
  }
  if (!tensorwarden::helpers::EnterSandbox({.last_fd = kPipe})) return 1;
  while (AnswerOne()) {
  }
  return 0;
}
