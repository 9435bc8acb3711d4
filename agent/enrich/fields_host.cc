// host.*, target.*: changes of the host. loss.*, probe.*, agent.*: the sensor itself.
#include "agent/enrich/fields.h"
#include "bpf/abi/event.h"

namespace tensorwarden::fields {
namespace {

constexpr double kNsPerSecond = 1e9;

const ProcessInfo* TargetOf(const EnrichedEvent& e) {
  const HostChange* change = Body<HostChange>(e);
  return change == nullptr || e.host == nullptr || !change->target ? nullptr : e.host->Process(change->target);
}

FieldValue TargetPid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const HostChange* change = Body<HostChange>(e);
  return change == nullptr || !change->target ? FieldValue() : Number(change->target.tgid);
}

FieldValue TargetName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const ProcessInfo* target = TargetOf(e);
  return target == nullptr ? FieldValue() : Known(target->comm);
}

FieldValue TargetRole(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const ProcessInfo* target = TargetOf(e);
  return target == nullptr ? FieldValue() : FieldValue(std::string_view(RoleName(target->role)));
}

FieldValue TargetIsAgent(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const HostChange* change = Body<HostChange>(e);
  if (change == nullptr || !change->target) return {};
  return change->op == EVENT_HOST_SIGNAL || (change->op == EVENT_HOST_PTRACE && change->former == 1);
}

FieldValue AgentVersion(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.host == nullptr ? FieldValue() : Known(e.host->Start().version);
}

FieldValue HostName(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  return e.host == nullptr ? FieldValue() : Known(e.host->Start().hostname);
}

FieldValue BlindSeconds(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const StateRestored* restored = Body<StateRestored>(e);
  if (restored == nullptr) return {};
  return Number(static_cast<double>(restored->blind_ns) / kNsPerSecond);
}

FieldValue LossTopPid(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const LossSample* loss = Body<LossSample>(e);
  return loss == nullptr || !loss->top ? FieldValue() : Number(loss->top.tgid);
}

// Here "" is a fact: no program serves the group.
FieldValue ProbeChosen(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const ProbeState* probe = Body<ProbeState>(e);
  return probe == nullptr ? FieldValue() : FieldValue(std::string_view(probe->chosen));
}

constexpr FieldSpec kFields[] = {
    {"host.object", FieldType::kString, false, kKinds<HostChange>,
     "What was loaded or mounted: name of the module or BPF program, mount point.",
     Text<HostChange, &HostChange::name>},
    {"host.detail", FieldType::kString, false, kKinds<HostChange>, "Of a mount: its type and source.",
     Text<HostChange, &HostChange::detail>},
    {"host.value", FieldType::kNumber, false, kKinds<HostChange>,
     "Figure of the change: signal, new user id, gained capabilities, seconds that the clock was set to.",
     Value<HostChange, &HostChange::value>},
    {"host.former", FieldType::kNumber, false, kKinds<HostChange>, "What it was before: user id, capabilities.",
     Value<HostChange, &HostChange::former>},
    {"target.pid", FieldType::kNumber, false, kKinds<HostChange>, "Process that was signalled or traced.", TargetPid},
    {"target.name", FieldType::kString, false, kKinds<HostChange>, "Its name.", TargetName},
    {"target.role", FieldType::kString, false, kKinds<HostChange>, "Its workload's role; none outside of workloads.",
     TargetRole},
    {"target.is_agent", FieldType::kBool, false, kKinds<HostChange>, "It is this agent.", TargetIsAgent},
    {"loss.kind", FieldType::kString, false, kKinds<LossSample>, "Kind of record that was lost.",
     Text<LossSample, &LossSample::kind>},
    {"loss.produced", FieldType::kNumber, false, kKinds<LossSample>, "Records produced since start.",
     Value<LossSample, &LossSample::produced>},
    {"loss.ring_full", FieldType::kNumber, false, kKinds<LossSample>, "Records lost to a full ring since start.",
     Value<LossSample, &LossSample::ring_full>},
    {"loss.map_full", FieldType::kNumber, false, kKinds<LossSample>, "Entries lost to a full map since start.",
     Value<LossSample, &LossSample::map_full>},
    {"loss.read_failed", FieldType::kNumber, false, kKinds<LossSample>, "Reads of memory that failed since start.",
     Value<LossSample, &LossSample::read_failed>},
    {"loss.top_pid", FieldType::kNumber, false, kKinds<LossSample>,
     "Process that made most of the records that were lost since the last sample.", LossTopPid},
    {"loss.top_lost", FieldType::kNumber, false, kKinds<LossSample>, "How many of them it made.",
     Value<LossSample, &LossSample::top_lost>},
    {"probe.group", FieldType::kString, false, kKinds<ProbeState>, "What the probe sees: file_read, connect, ...",
     Text<ProbeState, &ProbeState::group>},
    {"probe.chosen", FieldType::kString, false, kKinds<ProbeState>, "Program in use; empty when there is none.",
     ProbeChosen},
    {"probe.why", FieldType::kString, false, kKinds<ProbeState>, "Reason, when there is none or it changed.",
     Text<ProbeState, &ProbeState::why>},
    {"agent.blind", FieldType::kNumber, false, kKinds<StateRestored>,
     "Seconds between the last saved state and this start.", BlindSeconds},
    {"agent.version", FieldType::kString, false, kAllKinds, "Version of the agent.", AgentVersion},
    {"host.name", FieldType::kString, false, kAllKinds, "Name of this host.", HostName},
};

}  // namespace

std::span<const FieldSpec> HostFields() { return kFields; }

}  // namespace tensorwarden::fields
