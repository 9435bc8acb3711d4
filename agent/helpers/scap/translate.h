// Events of a Sysdig or Falco capture as events of ours.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "agent/event/event.h"

class sinsp;
class sinsp_evt;
class sinsp_threadinfo;

namespace tensorwarden::scap {

// What is told: the processes that the capture begins with; fork, exec and exit; opens, their beginnings too; connect,
// accept, listen and bind; rename, link and unlink. Calls that failed are not. A capture knows paths and no inodes, so
// file keys are empty, and what rests on them (labels, egress, integrity) stays silent; rules on processes, paths and
// sockets work.
class Translator {
 public:
  using Take = std::function<void(const Event&)>;
  explicit Translator(Take take) : take_(std::move(take)) {}

  // Before the first event.
  void Begin(sinsp& inspector, uint64_t first_ns);
  void Translate(sinsp_evt& event);
  // Opens whose ends are not in the capture.
  void End();

 private:
  void Emit(Origin origin, EventBody body);
  Origin OriginOf(sinsp_evt& event, sinsp_threadinfo& thread);
  ProcessKey KeyOf(int64_t pid, uint64_t seen_ns);
  ProcessExec Exec(sinsp_threadinfo& thread, uint64_t seen_ns);
  void Opened(sinsp_evt& event, const Origin& origin, bool ended);
  void Forked(sinsp_evt& event, sinsp_threadinfo& thread, const Origin& origin);
  void Exited(sinsp_evt& event, sinsp_threadinfo& thread, const Origin& origin);

  Take take_;
  uint64_t seq_ = 0;
  std::map<int64_t, uint64_t> starts_;     // pid -> when it was first heard of
  std::map<uint32_t, Origin> open_begun_;  // by thread: a beginning waits for its end, which has the flags
};

}  // namespace tensorwarden::scap
