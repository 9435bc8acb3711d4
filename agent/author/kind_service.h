// What of the sensor serves each kind of event, and when: what a rule costs the host beyond its own evaluation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/enrich/kinds.h"

namespace tensorwarden::author {

struct KindService {
  std::string_view kind;                 // "file_open"
  std::vector<std::string_view> groups;  // rows of the probe table that see it
  std::vector<std::string> tiers;        // best first: object, data path, system call; empty where no probe sees it
  std::string_view when;                 // always; for rules (attached because a rule asks); while serving; derived
  std::string_view note;                 // a sentence
  bool on_demand = false;                // only because of a rule
};

KindService ServiceOf(size_t kind);
std::vector<KindService> ServicesOf(KindSet kinds);
// "file_open, process_exec"; "any" for all kinds.
std::string KindNames(KindSet kinds);

}  // namespace tensorwarden::author
