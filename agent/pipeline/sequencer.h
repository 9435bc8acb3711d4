// Every input becomes a numbered event here, and nowhere else. What leaves is the stream that a capture records and
// that the rest of the agent is a function of.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/event/event.h"
#include "agent/traffic/http_meter.h"

namespace tensorwarden {

class Sequencer {
 public:
  explicit Sequencer(std::unique_ptr<HttpMeter> meter) : meter_(std::move(meter)) {}

  // Takes one decoded event of any source and appends what it becomes, numbered from 1 on: segments of requests
  // become the requests that they complete, arguments lose their secrets, everything else passes.
  // FileCandidate must not come here: it is a question to the agent, not a fact.
  void Take(Event event, std::vector<Event>& numbered);

  uint64_t last_seq() const { return last_seq_; }
  HttpMeterStats meter_stats() const { return meter_->Stats(); }

 private:
  void Append(Event event, std::vector<Event>& numbered);

  std::unique_ptr<HttpMeter> meter_;
  std::vector<Event> requests_;
  uint64_t last_seq_ = 0;
};

}  // namespace tensorwarden
