// From rules and detectors to what the sensor is asked for.
#include "agent/daemon/demand.h"

#include <gtest/gtest.h>

#include "agent/daemon/analysis.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden {
namespace {

SensorDemand DemandOfRule(const std::string& rule) {
  std::vector<RuleProblem> problems;
  auto rules = RuleSet::Compile({{"r.yaml", rule}}, problems);
  EXPECT_TRUE(rules.ok()) << rules.status();
  auto analysis = Analysis::Create({}, *std::move(rules));
  EXPECT_TRUE(analysis.ok()) << analysis.status();
  return DemandOf((*analysis)->Needs());
}

SensorDemand DemandOfCondition(const std::string& condition) { return DemandOfRule(RuleText(condition)); }

TEST(DemandTest, RulesOnFilesAndTheDetectorsAskForNothingMore) {
  EXPECT_EQ(DemandOfCondition("evt.type = file_read and asset.class = model"), SensorDemand());
  EXPECT_EQ(DemandOfCondition("evt.type in (file_change, file_name)"), SensorDemand());
  EXPECT_EQ(DemandOfCondition("finding.kind = egress"), SensorDemand());
  EXPECT_EQ(DemandOfCondition("evt.type = egress_bytes"), SensorDemand());
}

TEST(DemandTest, EachKindIsAskedForByARuleOnIt) {
  EXPECT_EQ(DemandOfCondition("evt.type = connect"), SensorDemand{.sockets = true});
  EXPECT_EQ(DemandOfCondition("evt.type = accept and fd.sport = 22"), SensorDemand{.sockets = true});
  EXPECT_EQ(DemandOfCondition("evt.type = openat"), SensorDemand{.opens = true});
  EXPECT_EQ(DemandOfCondition("dns.name endswith .example"), SensorDemand{.dns = true});
  EXPECT_EQ(DemandOfCondition("gpu.use = debug"), SensorDemand{.gpu = true});
  EXPECT_EQ(DemandOfCondition("evt.type = host_change and evt.op = ptrace"), SensorDemand{.host_changes = true});
}

TEST(DemandTest, ConnectionsOfWorkloadsAreNotThoseOfAll) {
  const char* of_workloads = "evt.type = socket and evt.op = connect and proc.role in (inference, training)";
  EXPECT_EQ(DemandOfCondition(of_workloads), SensorDemand{.workload_sockets = true});
  EXPECT_EQ(DemandOfCondition("evt.type = socket and workload.name = a"), SensorDemand{.workload_sockets = true});
  EXPECT_EQ(DemandOfCondition("evt.type = socket and evt.op = listen"), SensorDemand());
  EXPECT_EQ(DemandOfCondition("evt.type = socket and proc.role in (inference, none)"), SensorDemand{.sockets = true});
  EXPECT_EQ(DemandOfCondition("evt.type = socket and not proc.role = inference"), SensorDemand{.sockets = true});
  EXPECT_EQ(DemandOfCondition("evt.type = socket and (proc.role = inference or fd.lport = 1)"),
            SensorDemand{.sockets = true});
}

TEST(DemandTest, AFieldThatOnlyAKindHasAsksForThatKind) {
  EXPECT_EQ(DemandOfCondition("host.value = 19"), SensorDemand{.host_changes = true});
}

TEST(DemandTest, ARuleOnAnyKindAsksForAll) {
  EXPECT_EQ(DemandOfCondition("proc.name = curl"),
            (SensorDemand{.opens = true, .sockets = true, .dns = true, .host_changes = true, .gpu = true}));
}

TEST(DemandTest, EveryStepOfASequenceCountsAlsoWhatMustNotHappen) {
  const SensorDemand demand = DemandOfRule(
      "- rule: r\n  desc: d\n  output: o\n  priority: NOTICE\n  sequence:\n    by: [proc.pid]\n    within: 5m\n    "
      "steps:\n      - evt.type = file_read\n      - not: evt.type = connect\n      - evt.type = dns_query\n");
  EXPECT_EQ(demand, (SensorDemand{.sockets = true, .dns = true}));
}

TEST(DemandTest, RulesThatAreSwitchedOffAskForNothing) {
  EXPECT_EQ(DemandOfRule(RuleText("evt.type = openat") + "\n- rule: r\n  enabled: false\n"), SensorDemand());
}

}  // namespace
}  // namespace tensorwarden
