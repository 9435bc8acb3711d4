#include "agent/pipeline/sequencer.h"

#include <utility>

#include "agent/pipeline/redact.h"

namespace tensorwarden {

void Sequencer::Take(Event event, std::vector<Event>& numbered) {
  if (const auto* segment = std::get_if<HttpSegment>(&event.body)) {
    requests_.clear();
    meter_->Take(event.origin, *segment, requests_);
    for (Event& request : requests_) Append(std::move(request), numbered);
    return;
  }
  if (auto* exec = std::get_if<ProcessExec>(&event.body)) RedactArguments(exec->args);
  if (auto* snapshot = std::get_if<ProcessSnapshot>(&event.body)) RedactArguments(snapshot->exec.args);
  Append(std::move(event), numbered);
}

void Sequencer::Append(Event event, std::vector<Event>& numbered) {
  event.seq = ++last_seq_;
  numbered.push_back(std::move(event));
}

}  // namespace tensorwarden
