#include "agent/enrich/field_values.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>

#include "agent/enrich/kinds.h"
#include "agent/event/gpu_call.h"
#include "agent/event/gpu_names.h"
#include "agent/host/host_model.h"

namespace tensorwarden {
namespace {

using Names = std::vector<std::string_view>;

void Add(std::string_view name, Names& names) {
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

Names Operations() {
  Names names;
  for (size_t kind = 0; kind < kEventKindCount; ++kind) {
    for (const char* name : OperationNames(kind)) Add(name, names);
  }
  return names;
}

Names Roles() {
  Names names;
  for (int role = 0; role <= static_cast<int>(Role::kAdmin); ++role) Add(RoleName(static_cast<Role>(role)), names);
  return names;
}

Names GpuFamilies() {
  Names names;
  for (uint32_t driver = 1; !gpu::DriverName(driver).empty(); ++driver) Add(gpu::DriverName(driver), names);
  Add("accel", names);  // of an open
  return names;
}

absl::flat_hash_map<std::string_view, FieldValues> BuildTable() {
  const Names roles = Roles();
  const Names distances = {"loopback", "private", "public", "mount"};
  const Names whats = {"upload",         "remote_mount", "serving_port",                                  // egress
                       "in_place_write", "mapped_write", "truncated",    "replaced",                      // integrity
                       "renamed",        "deleted",      "attributes",   "covered",                       //
                       "volume",         "burst",        "template",                                      // extraction
                       "blind",          "loss",         "flood",        "probe",    "rules", "labels"};  // self
  return {
      {"asset.class",
       {{"model", "checkpoint", "adapter", "tokenizer", "dataset", "vector_store", "knowledge_base", "code", "secret"},
        true}},
      {"asset.found_by", {{"config", "discovery", "birth", "state"}}},
      {"client.kind", {{"key", "proxy", "addr"}}},
      {"device.type", {{"block", "character"}}},
      {"egress.dest.class", {distances}},
      {"evt.op", {Operations()}},
      {"finding.dest.class", {distances}},
      {"finding.kind", {{"egress", "integrity", "extraction", "self"}}},
      {"finding.unit", {{"bytes", "requests", "share", "records", "seconds", "sets"}}},
      {"finding.what", {whats}},
      {"gpu.family", {GpuFamilies()}},
      {"gpu.relation", {{"own", "job", "user", "other", "unknown"}}},
      {"gpu.target.role", {roles}},
      {"gpu.use", {Names(GpuUses().begin(), GpuUses().end())}},
      {"proc.role", {roles}},
      {"target.role", {roles}},
      {"workload.role", {roles}},
  };
}

}  // namespace

const FieldValues* KnownValues(std::string_view field) {
  static const auto* const table = new absl::flat_hash_map<std::string_view, FieldValues>(BuildTable());
  const auto at = table->find(field);
  return at == table->end() ? nullptr : &at->second;
}

}  // namespace tensorwarden
