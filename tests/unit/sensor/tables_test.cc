// The probe table against the built object, the ledger of egress, the memory of processes.
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "agent/sensor/egress_ledger.h"
#include "agent/sensor/loader.h"
#include "agent/sensor/loss_ledger.h"
#include "agent/sensor/probe_table.h"
#include "agent/sensor/process_starts.h"
#include "agent/sensor/skeleton.h"

namespace tensorwarden {
namespace {

using ::testing::SizeIs;

TEST(ProbeTableTest, EveryRowIsBuiltAndEveryProgramHasARow) {
  const Skeleton skeleton(sensor_bpf__open());
  ASSERT_NE(skeleton, nullptr);
  std::set<std::string> listed;
  for (const ProbeSpec& spec : ProbeTable()) listed.insert(std::string(spec.program));
  std::set<std::string> built;
  bpf_program* program;
  bpf_object__for_each_program(program, skeleton->obj) built.insert(bpf_program__name(program));
  EXPECT_EQ(listed, built);
}

TEST(ProbeTableTest, RowsOfAGroupFollowEachOther) {
  std::set<std::string_view> closed;
  std::string_view current;
  for (const ProbeSpec& spec : ProbeTable()) {
    if (spec.group == current) continue;
    closed.insert(current);
    current = spec.group;
    EXPECT_FALSE(closed.contains(current)) << current;
  }
}

TEST(ProbeTableTest, EveryProgramIsOfAKindThatTheLoaderKnows) {
  const Skeleton skeleton(sensor_bpf__open());
  bpf_program* program;
  bpf_object__for_each_program(program, skeleton->obj)
          EXPECT_NE(NeedOf(bpf_program__section_name(program)), Need::kNothing)
      << bpf_program__name(program);
}

EgressTotal Total(uint64_t bytes) {
  return {.socket = {}, .process = {1, 2}, .cookie = 9, .bytes = bytes, .volume = 1000, .label = 3};
}

TEST(EgressLedgerTest, SamplesAndRecordsAddUpToTheTotal) {
  EgressLedger ledger;
  Egress record{.cookie = 9, .bytes = 100, .delta = 100, .label = 3};
  ledger.Take({1, 2}, record);
  EXPECT_EQ(record.delta, 100u);
  std::vector<Event> events;
  ledger.Sample({Total(150)}, 1, events);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(std::get<Egress>(events[0].body).delta, 50u);
  record.bytes = 170;
  record.delta = 70;
  ledger.Take({1, 2}, record);
  EXPECT_EQ(record.delta, 20u) << "50 of the record's 70 were told by the sample";
}

TEST(EgressLedgerTest, UnchangedTotalsAreSilent) {
  EgressLedger ledger;
  std::vector<Event> events;
  ledger.Sample({Total(150)}, 1, events);
  ledger.Sample({Total(150)}, 2, events);
  EXPECT_THAT(events, SizeIs(1));
}

TEST(ProcessStartsTest, EndedProcessStaysKnownForAWhile) {
  ProcessStarts starts;
  starts.Started({10, 111});
  starts.Ended({10, 111});
  EXPECT_EQ(starts.Find(10), 111u);
  EXPECT_EQ(starts.Find(11), 0u);
}

TEST(ProcessStartsTest, ReusedPidIsTheNewProcess) {
  ProcessStarts starts;
  starts.Started({10, 111});
  starts.Ended({10, 111});
  starts.Started({10, 222});
  EXPECT_EQ(starts.Find(10), 222u);
  for (uint32_t pid = 1000; pid < 7000; ++pid) {  // long enough for the old entry to be let go
    starts.Started({pid, 1});
    starts.Ended({pid, 1});
  }
  EXPECT_EQ(starts.Find(10), 222u);
  EXPECT_EQ(starts.Find(1000), 0u);
}

TEST(LossLedgerTest, TheTopIsOfWhatWasLostSinceTheLastLook) {
  const ProcessKey old{.tgid = 1, .start_ns = 1};
  const ProcessKey fresh{.tgid = 2, .start_ns = 1};
  LossLedger ledger;
  auto tops = ledger.Take({{old, "file_open", 1000}, {fresh, "file_open", 10}});
  EXPECT_EQ(tops["file_open"].process, old);
  tops = ledger.Take({{old, "file_open", 1001}, {fresh, "file_open", 60}, {old, "egress", 3}});
  EXPECT_EQ(tops["file_open"].process, fresh);
  EXPECT_EQ(tops["file_open"].lost, 50u);
  EXPECT_EQ(tops["egress"].lost, 3u);
  EXPECT_TRUE(ledger.Take({{old, "file_open", 1001}, {fresh, "file_open", 60}}).empty());
  tops = ledger.Take({{old, "file_open", 5}});
  EXPECT_EQ(tops["file_open"].lost, 5u) << "the kernel had dropped the entry, and it began anew";
}

}  // namespace
}  // namespace tensorwarden
