#include "agent/evidence/symbol_client.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "agent/base/framed_pipe.h"
#include "agent/base/helper_process.h"

namespace tensorwarden {
namespace {

constexpr int kHelperPipe = 3;  // the descriptor that the helper speaks over
constexpr uint64_t kMaxDoublings = 16;

}  // namespace

absl::Status SymbolClient::Start() {
  absl::StatusOr<std::pair<UniqueFd, UniqueFd>> ends = MakeFramedPipe();
  if (!ends.ok()) return ends.status();
  const HelperFd pipe{.ours = ends->second.get(), .theirs = kHelperPipe};
  absl::StatusOr<pid_t> pid = SpawnHelper(config_.program, {&pipe, 1});
  if (!pid.ok()) return pid.status();
  pid_ = *pid;
  pipe_ = std::move(ends->first);
  ++stats_.started;
  return absl::OkStatus();
}

void SymbolClient::Reap() {
  std::erase_if(killed_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

void SymbolClient::Stop() {
  pipe_ = UniqueFd();
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    killed_.push_back(pid_);
  }
  pid_ = -1;
  Reap();
}

absl::Status SymbolClient::Fail(const absl::Status& why) {
  Stop();
  ++stats_.failed;
  const int64_t factor = int64_t{1} << std::min(failures_++, kMaxDoublings);
  not_before_ = absl::Now() + std::min(config_.first_back_off * factor, config_.last_back_off);
  return absl::UnavailableError(why.message());
}

// An answer to an earlier question cannot come: after each failure there is another helper.
absl::StatusOr<SymbolReply> SymbolClient::Exchange(const SymbolRequest& request, std::span<const int> files) {
  const uint64_t id = next_id_++;
  if (absl::Status status = SendFrame(pipe_.get(), id, EncodeRequest(request), files); !status.ok()) return status;
  const absl::Time deadline = absl::Now() + config_.timeout;
  for (;;) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left_ms <= 0) return absl::DeadlineExceededError("the symbol helper is late");
    absl::StatusOr<std::optional<PipeFrame>> frame = ReceiveFrame(pipe_.get(), static_cast<int>(left_ms));
    if (!frame.ok()) return frame.status();
    if (!*frame) continue;
    if ((*frame)->id != id) return absl::DataLossError("the symbol helper answers another question");
    absl::StatusOr<SymbolReply> reply = DecodeReply((*frame)->payload);
    if (reply.ok() && reply->size() != request.frames.size())
      return absl::DataLossError("the symbol helper answers for another number of frames");
    return reply;
  }
}

absl::StatusOr<SymbolReply> SymbolClient::Ask(const SymbolRequest& request, std::span<const int> files) {
  Reap();
  if (config_.program.empty()) return absl::NotFoundError("tensorwarden-symbols is not installed");
  if (absl::Now() < not_before_) return absl::UnavailableError("the symbol helper failed and waits to be tried again");
  if (pid_ < 0) {
    if (absl::Status status = Start(); !status.ok()) return Fail(status);
  }
  absl::StatusOr<SymbolReply> reply = Exchange(request, files);
  if (!reply.ok()) return Fail(reply.status());
  failures_ = 0;
  ++stats_.answered;
  return reply;
}

}  // namespace tensorwarden
