// What is said of each kind's probes, against the table that loads them.
#include "agent/author/kind_service.h"

#include <gtest/gtest.h>

#include <set>

#include "agent/sensor/probe_table.h"

namespace tensorwarden::author {
namespace {

TEST(KindServiceTest, EveryGroupThatIsNamedIsInTheProbeTable) {
  std::set<std::string_view> groups;
  for (const ProbeSpec& spec : ProbeTable()) groups.insert(spec.group);
  for (size_t kind = 1; kind < kEventKindCount; ++kind)
    for (const std::string_view group : ServiceOf(kind).groups) EXPECT_TRUE(groups.contains(group)) << group;
}

TEST(KindServiceTest, WhatTheKernelTellsIsServedBySomeProbe) {
  constexpr KindSet kFromTheKernel =
      kKinds<ProcessFork, ProcessExec, ProcessExit, FileRead, FileChange, FileOpen, FileName, LabelMove, Egress,
             SocketState, DeviceOpen, HttpRequest, HostChange, DnsQuery, GpuCall>;
  for (const KindService& service : ServicesOf(kFromTheKernel)) EXPECT_FALSE(service.tiers.empty()) << service.kind;
}

}  // namespace
}  // namespace tensorwarden::author
