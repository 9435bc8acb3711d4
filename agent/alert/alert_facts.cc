#include "agent/alert/alert_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/alert/alert_text.h"
#include "agent/enrich/account_name.h"
#include "agent/enrich/address_class.h"
#include "agent/host/container.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxAncestors = 8;

// The innermost systemd unit in a cgroup path.
std::string UnitOf(const std::string& cgroup) {
  size_t end = cgroup.size();
  while (end > 0) {
    const size_t slash = cgroup.rfind('/', end - 1);
    const size_t begin = slash == std::string::npos ? 0 : slash + 1;
    std::string part = cgroup.substr(begin, end - begin);
    if (part.ends_with(".service") || part.ends_with(".scope")) return part;
    end = begin == 0 ? 0 : begin - 1;
  }
  return "";
}

AlertProcess ToAlertProcess(const ProcessInfo& process) {
  return {.pid = process.key.tgid,
          .executable = process.path.empty() ? process.comm : process.path,
          .command_line = process.cmdline};
}

void DescribeActor(const ProcessInfo& process, const HostModel& host, Alert& alert) {
  alert.process = ToAlertProcess(process);
  alert.uid = process.uid;
  alert.user = std::string(UserNameOf(process, process.uid, host));
  if (alert.user.empty()) alert.user = fmt::format("{}", process.uid);
  alert.login_uid = process.login_uid;
  alert.cgroup = process.cgroup;
  alert.unit = UnitOf(process.cgroup);
  const ContainerId container = ContainerOf(process.cgroup);
  alert.container = container.id;
  alert.container_type = container.runtime;
  alert.pod = container.pod;
  alert.role = RoleName(process.role);
  alert.role_confirmed = process.role_confirmed;
  alert.workload = process.workload;
  const ProcessInfo* ancestor = host.Process(process.parent);
  while (ancestor != nullptr && alert.ancestry.size() < kMaxAncestors) {
    alert.ancestry.push_back(ToAlertProcess(*ancestor));
    ancestor = ancestor->parent ? host.Process(ancestor->parent) : nullptr;
  }
}

void DescribeAsset(const AssetInfo& asset, Alert& alert) {
  alert.asset_name = asset.name;
  alert.asset_path = asset.path;
  alert.asset_class = asset.klass;
  alert.asset_format = asset.format;
  alert.asset_size = asset.size;
}

void DescribeFinding(const Finding& finding, Alert& alert) {
  alert.stage = finding.stage;
  alert.destination = finding.destination;
  alert.destination_port = finding.destination_port;
  alert.destination_class = finding.destination_class;
  alert.client = finding.client;
  alert.value = finding.value;
  alert.threshold = finding.threshold;
  alert.unit_of_value = finding.unit;
  alert.asset_share = std::clamp(finding.share, 0.0, 1.0);
  alert.evidence = finding.evidence;
}

void DescribePlainEvent(const Event& event, Alert& alert) {
  const HttpRequest* request = std::get_if<HttpRequest>(&event.body);
  if (request != nullptr) alert.client = request->client;
  if (const SocketTuple* socket = SocketOf(event.body)) {
    alert.destination = socket->peer_address;
    alert.destination_port = socket->peer_port;
    alert.destination_class = std::string(AddressClass(socket->peer_address));
  }
  alert.evidence = fmt::format("{} event {}", EventKindName(event.body), event.seq);
}

}  // namespace

const SocketTuple* SocketOf(const EventBody& body) {
  if (const Egress* egress = std::get_if<Egress>(&body)) return &egress->socket;
  if (const SocketState* state = std::get_if<SocketState>(&body)) return &state->socket;
  if (const HttpRequest* request = std::get_if<HttpRequest>(&body)) return &request->socket;
  if (const DnsQuery* query = std::get_if<DnsQuery>(&body)) return &query->socket;
  return nullptr;
}

Alert DescribeDetection(const Detection& detection, const EnrichedEvent& event) {
  Alert alert;
  const RuleInfo& rule = *detection.rule;
  alert.time_ns = event.host->RealtimeNs(event.event->origin.ktime_ns);
  alert.rule = rule.name;
  alert.priority = rule.priority;
  alert.tags = rule.tags;
  alert.false_positives = rule.false_positives;
  alert.next_step = rule.next_step;
  alert.wants_capture = rule.capture;
  alert.capture_ns = rule.capture_ns;
  alert.output = detection.output;
  alert.output_fields = detection.output_fields;
  alert.hostname = event.host->Start().hostname;
  alert.cause_seq = event.event->seq;
  if (event.process != nullptr) DescribeActor(*event.process, *event.host, alert);
  if (event.asset != nullptr) DescribeAsset(*event.asset, alert);
  event.finding != nullptr ? DescribeFinding(*event.finding, alert) : DescribePlainEvent(*event.event, alert);
  if (!detection.evidence.empty()) alert.evidence = fmt::format("{}; {}", detection.evidence, alert.evidence);
  alert.summary = Summary(alert, event.finding);
  alert.exception = ExceptionYaml(rule.name, event);
  return alert;
}

}  // namespace tensorwarden
