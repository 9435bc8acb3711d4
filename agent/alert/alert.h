// A detection accepted for delivery: stable id, one matter, open then updates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/rules/ruleset.h"

namespace tensorwarden {

struct AlertProcess {
  uint32_t pid = 0;
  std::string executable;
  std::string command_line;
};

// Whom to look at for the alert's evidence: told to the daemon, never to a sink.
struct EvidenceRequest {
  ProcessKey process;
  uint64_t cause_seq = 0;
  std::vector<uint64_t> stack;  // of the call that caused it; empty: not known
};

struct Alert {
  std::string id;        // 16 hex digits; the same in live and replay
  std::string activity;  // open, update, close
  int64_t time_ns = 0;   // CLOCK_REALTIME of the event that caused it
  std::string rule;
  Priority priority = Priority::kNotice;
  std::string stage;
  std::string summary;  // one sentence
  std::string output;   // the rule's output, filled in
  std::vector<std::pair<std::string, std::string>> output_fields;
  std::vector<std::string> tags;
  // Actor
  AlertProcess process;
  uint32_t uid = 0;
  std::string user;  // name, "" unknown
  uint32_t login_uid = 0xffffffff;
  std::string cgroup;
  std::string unit;
  std::string container;       // whole id; "" none
  std::string container_type;  // docker, podman, ...
  std::string pod;
  std::string role;
  bool role_confirmed = false;
  std::string workload;
  std::vector<AlertProcess> ancestry;  // nearest first, at most 8
  // Asset
  std::string asset_name, asset_path, asset_class, asset_format;
  uint64_t asset_size = 0;
  double asset_share = 0;  // gone, 0..1
  // Destination
  std::string destination;
  uint16_t destination_port = 0;
  std::string destination_class;
  int64_t destination_first_seen_ns = 0;
  std::string client;
  double value = 0, threshold = 0;
  std::string unit_of_value;
  std::string evidence;        // one sentence
  bool wants_capture = false;  // the rule says so
  uint64_t capture_ns = 0;     // for this long; 0: as configured
  std::string capture;         // path of the slice that the flight recorder saves; set by the daemon
  std::optional<EvidenceRequest> wanted;
  std::optional<Evidence> seen;  // of the update that brings it
  std::vector<std::string> false_positives;
  std::string next_step;
  std::string exception;  // YAML, ready to paste
  uint64_t updates = 0;   // alerts of this id before this one
  std::string hostname;
  uint64_t cause_seq = 0;
};

}  // namespace tensorwarden
