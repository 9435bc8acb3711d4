// Rules of all sorts, and the events of a host for them: what the speed of rules is measured with. The same numbers
// always give the same rules and events.
//
// Literals of rules come from a larger world than the events': most rules never match, one in sixteen names things that
// are there. Events have the kinds of a busy host in their usual shares.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/enrich/enriched_event.h"
#include "tests/support/fake_host.h"

namespace tensorwarden {

struct MixedRule {
  std::string type;       // of events, as evt.type; "" any
  std::string condition;  // what else must hold
  std::string extra;      // further keys of the rule: exceptions, memory
  bool common = false;    // in the part of the language that libsinsp has: no regex, network, list of values, memory
};

// Macros and lists that conditions name.
std::string MixedDefinitions();
MixedRule MakeMixedRule(uint32_t number);
// `count` rules as a rule file, definitions before them.
std::string MixedRuleFile(uint32_t count);
std::string AsYaml(const MixedRule& rule, uint32_t number);

struct MixedEvents {
  FakeHost host;
  std::vector<Event> events;
  std::vector<std::string> types;       // of each event, the name that rules of this mix use
  std::vector<EnrichedEvent> enriched;  // point into the other members
};
inline constexpr uint32_t kMixedEvents = 8192;
// Fills `mix`, which must stay where it is.
void MakeMixedEvents(MixedEvents& mix);

}  // namespace tensorwarden
