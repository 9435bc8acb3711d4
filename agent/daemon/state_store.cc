#include "agent/daemon/state_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>

#include <cstdio>

#include "agent/base/files.h"
#include "agent/capture/capture.h"

namespace tensorwarden {
namespace {

constexpr size_t kSecretBytes = 16;

absl::Status WriteEvents(CaptureWriter& writer, const SavedState& state) {
  absl::Status status = writer.Append(Event{.body = AgentStart{.boot_id = state.boot_id}});
  for (const AssetFound& asset : state.assets) {
    if (status.ok()) status = writer.Append(Event{.body = asset});
  }
  Event last{.body = StateRestored{
                 .holders = state.holders, .detector_state = state.detector_state, .rule_state = state.rule_state}};
  last.origin.ktime_ns = state.saved_ns;
  if (status.ok()) status = writer.Append(last);
  if (status.ok()) status = writer.Close();
  return status;
}

}  // namespace

absl::Status SaveState(const std::string& path, const SavedState& state) {
  const std::string temporary = path + ".tmp";
  absl::StatusOr<std::unique_ptr<CaptureWriter>> writer = CaptureWriter::Create(temporary);
  if (!writer.ok()) return writer.status();
  absl::Status status = WriteEvents(**writer, state);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, fmt::format("rename to '{}'", path));
  }
  return status;
}

absl::StatusOr<SavedState> LoadState(const std::string& path) {
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = CaptureReader::Open(path);
  if (!reader.ok()) return reader.status();
  SavedState state;
  bool complete = false;
  Event event;
  for (;;) {
    absl::StatusOr<bool> more = (*reader)->Next(event);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (auto* start = std::get_if<AgentStart>(&event.body)) {
      state.boot_id = start->boot_id;
    } else if (auto* asset = std::get_if<AssetFound>(&event.body)) {
      state.assets.push_back(std::move(*asset));
    } else if (auto* saved = std::get_if<StateRestored>(&event.body)) {
      state.holders = std::move(saved->holders);
      state.detector_state = std::move(saved->detector_state);
      state.rule_state = std::move(saved->rule_state);
      state.saved_ns = event.origin.ktime_ns;
      complete = true;
    }
  }
  if (!complete) return absl::DataLossError(fmt::format("'{}' ends early", path));
  return state;
}

absl::StatusOr<UniqueFd> LockState(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return absl::ErrnoToStatus(errno, fmt::format("open '{}'", path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("'{}' is locked: another agent runs on this state_dir; stop it or set another one", path));
  }
  return fd;
}

absl::StatusOr<std::string> LoadOrMakeSecret(const std::string& path) {
  absl::StatusOr<std::string> secret = ReadFile(path, kSecretBytes);
  if (absl::IsNotFound(secret.status())) {
    std::string fresh(kSecretBytes, '\0');
    if (getrandom(fresh.data(), fresh.size(), 0) != static_cast<ssize_t>(fresh.size())) {
      return absl::ErrnoToStatus(errno, "getrandom");
    }
    if (absl::Status status = WriteFileAtomic(path, fresh, 0600); !status.ok()) return status;
    return fresh;
  }
  if (secret.ok() && secret->size() != kSecretBytes) {
    return absl::DataLossError(
        fmt::format("'{}' is not {} bytes long: remove it to have a new one made", path, kSecretBytes));
  }
  return secret;
}

}  // namespace tensorwarden
