// An alert with everything in it.
#pragma once

#include "agent/alert/alert.h"

namespace tensorwarden {

inline Evidence FullEvidence() {
  return Evidence{
      .cause_seq = 77,
      .stack = {{.address = 0x7f01,
                 .module = "/lib/libc.so.6",
                 .module_offset = 300,
                 .function = "send",
                 .function_offset = 20},
                {.address = 0x7f02, .module = "/usr/bin/app", .module_offset = 16},
                {.address = 0x10}},
      .descriptors =
          {{.fd = 3, .type = "tcp", .path = "", .access = "rw", .local = "10.0.0.1:5000", .peer = "203.0.113.5:443"},
           {.fd = 4, .type = "file", .path = "/srv/llama.gguf", .access = "r"},
           {.fd = 5, .type = "eventfd"}},
      .more_descriptors = 9,
      .mappings = {{.path = "/srv/llama.gguf", .bytes = 4096}},
      .missing = "mappings: no permission"};
}

inline Alert FullAlert() {
  Alert alert;
  alert.id = "0123456789abcdef";
  alert.activity = "open";
  alert.time_ns = 1'767'323'045'123'456'789;
  alert.rule = "Weights leave the host";
  alert.priority = Priority::kCritical;
  alert.stage = "1%";
  alert.summary = "curl (pid 42, uid 1000) sent 1.0 MiB of llama (1.2%) to 203.0.113.5:443.";
  alert.output = "Weights left (process=curl)";
  alert.output_fields = {{"proc.name", "curl"}, {"asset.name", "llama"}};
  alert.tags = {"exfiltration", "atlas.AML.T0025"};
  alert.process = {.pid = 42, .executable = "/usr/bin/curl", .command_line = "curl -T a"};
  alert.uid = 1000;
  alert.user = "eve";
  alert.login_uid = 1000;
  alert.cgroup = "/user.slice/s.scope";
  alert.unit = "s.scope";
  alert.container = "c0ffee";
  alert.container_type = "docker";
  alert.pod = "11111111-2222-3333-4444-555555555555";
  alert.role = "admin";
  alert.workload = "suggested:shell";
  alert.ancestry = {{.pid = 41, .executable = "/bin/sh", .command_line = "sh"}};
  alert.asset_name = "llama";
  alert.asset_path = "/srv/llama.gguf";
  alert.asset_class = "model";
  alert.asset_format = "gguf";
  alert.asset_size = 100 << 20;
  alert.asset_share = 0.012;
  alert.destination = "203.0.113.5";
  alert.destination_port = 443;
  alert.destination_class = "public";
  alert.destination_first_seen_ns = 1'767'323'040'000'000'000;
  alert.client = "addr:203.0.113.5";
  alert.value = 1 << 20;
  alert.threshold = 1 << 19;
  alert.unit_of_value = "bytes";
  alert.evidence = "1.0 MiB in 3 s";
  alert.seen = FullEvidence();
  alert.false_positives = {"A backup that is not configured"};
  alert.next_step = "Cut the connection.";
  alert.exception = "- rule: x\n";
  alert.updates = 3;
  alert.hostname = "gpu1";
  alert.cause_seq = 77;
  alert.capture = "/var/lib/tensorwarden/slices/a.twcap";
  return alert;
}

}  // namespace tensorwarden
