#include "agent/pipeline/sequencer.h"

#include <utility>

#include "agent/pipeline/redact.h"

namespace tensorwarden {
namespace {

// A name may hold a token as well as an argument may: /tmp/upload?token=...
void RedactPaths(Evidence& evidence) {
  std::vector<std::string> one(1);
  const auto redact = [&](std::string& path) {
    one[0] = std::move(path);
    RedactArguments(one);
    path = std::move(one[0]);
  };
  for (HeldDescriptor& held : evidence.descriptors) redact(held.path);
  for (HeldMapping& mapping : evidence.mappings) redact(mapping.path);
  for (StackFrame& frame : evidence.stack) redact(frame.module);
}

}  // namespace

void Sequencer::Take(Event event, std::vector<Event>& numbered) {
  if (const auto* segment = std::get_if<HttpSegment>(&event.body)) {
    requests_.clear();
    meter_->Take(event.origin, *segment, requests_);
    for (Event& request : requests_) Append(std::move(request), numbered);
    return;
  }
  if (auto* exec = std::get_if<ProcessExec>(&event.body)) RedactArguments(exec->args);
  if (auto* snapshot = std::get_if<ProcessSnapshot>(&event.body)) RedactArguments(snapshot->exec.args);
  if (auto* evidence = std::get_if<Evidence>(&event.body)) RedactPaths(*evidence);
  Append(std::move(event), numbered);
}

void Sequencer::Append(Event event, std::vector<Event>& numbered) {
  event.seq = ++last_seq_;
  numbered.push_back(std::move(event));
}

}  // namespace tensorwarden
