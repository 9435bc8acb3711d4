// An event joined with what the host model knows: what rules and detectors see.
#pragma once

#include "agent/event/event.h"
#include "agent/host/host_model.h"

namespace tensorwarden {

// Pointers live as long as the dispatch of one event; nullptr when not known.
struct EnrichedEvent {
  const Event* event = nullptr;
  const HostModel* host = nullptr;
  const ProcessInfo* process = nullptr;  // of a finding: the process it is about
  const ProcessInfo* parent = nullptr;
  const AssetInfo* asset = nullptr;  // by the event's file, or, of egress, the first asset behind the label
  const LabelInfo* label = nullptr;
  const Finding* finding = nullptr;  // when the event is one
};

EnrichedEvent Enrich(const Event& event, const HostModel& host);

}  // namespace tensorwarden
