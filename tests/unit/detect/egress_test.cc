#include "agent/detect/egress.h"

#include "bpf/abi/event.h"
#include "tests/unit/detect/detect_test_base.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kMiB;
using testing::kSecond;
using ::testing::SizeIs;

class EgressTest : public ::testing::Test {
 protected:
  EgressTest() : bench(Make()) {
    bench.host.Feed(0, testing::Asset(1));  // 64 MiB, label 0
    bench.host.Exec(123, {.comm = "curl", .path = "/usr/bin/curl"});
  }
  static std::unique_ptr<Detector> Make(EgressConfig config = {}) {
    return std::move(CreateEgressDetector(std::move(config)).value());
  }

  struct Facts {
    uint32_t pid = 123;
    std::string peer = "10.9.0.2";
    std::string local = "10.9.0.1";
    uint64_t cookie = 7;
    bool serving = false;
    uint64_t delta = 1;
    uint64_t volume = 0;  // not known
  };
  static Egress Sent(uint64_t total, const Facts& facts) {
    Egress egress;
    egress.socket.peer_address = facts.peer;
    egress.socket.local_address = facts.local;
    egress.socket.peer_port = 8080;
    egress.cookie = facts.cookie;
    egress.bytes = total;
    egress.delta = facts.delta;
    egress.serving = facts.serving;
    egress.volume = facts.volume;
    return egress;
  }
  void SetUpAnew() { bench.Use(Make()); }
  std::vector<Finding> Send(uint64_t total, const Facts& facts) { return bench.Feed(facts.pid, Sent(total, facts)); }
  std::vector<Finding> Send(uint64_t total) { return Send(total, Facts()); }

  testing::DetectBench bench;
};

TEST_F(EgressTest, NobodyGivesAwayMoreThanItHolds) {
  // An indexer that has read a header talks a lot, over many connections: 64 KiB of 64 MiB is below the first rung.
  for (uint64_t cookie = 1; cookie <= 100; ++cookie)
    EXPECT_THAT(Send(64 << 10, {.cookie = cookie, .volume = 64 << 10}), IsEmpty());
  EXPECT_THAT(Send(64 << 10, {.cookie = 101, .volume = 0}), IsEmpty()) << "told after it has ended";
  // Who has read on since may give that away as well.
  EXPECT_THAT(Send(kMiB, {.cookie = 200, .volume = kMiB}), SizeIs(1));
}

TEST_F(EgressTest, TheLastBytesOfAProcessThatHasEndedCount) {
  Send(64 * kMiB - 88, {.volume = 64 * kMiB - 88});
  const auto findings = Send(64 * kMiB, {.volume = 0});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].stage, "100%");
  EXPECT_EQ(findings[0].value, 64 * kMiB);
}

TEST_F(EgressTest, AnUploadClimbsTheLadderAsOneMatter) {
  std::vector<std::string> stages, keys;
  for (uint64_t sent = 0; sent <= 64 * kMiB; sent += 64 << 10)
    for (const Finding& finding : Send(sent)) {
      stages.push_back(finding.stage);
      keys.push_back(finding.key);
      EXPECT_EQ(finding.what, "upload");
    }
  EXPECT_THAT(stages, ElementsAre("1%", "10%", "50%", "100%"));
  for (const std::string& key : keys) EXPECT_EQ(key, keys[0]);
}

TEST_F(EgressTest, TheEvidenceNamesWhoWhatWhereAndHowMuch) {
  const auto findings = Send(1258291);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].evidence,
            "curl (pid 123) sent 1.2 MiB of 64.0 MiB (1.9 %) of demo.safetensors to 10.9.0.2:8080 within 1m");
  EXPECT_EQ(findings[0].destination_class, "private");
  EXPECT_EQ(findings[0].destination, "10.9.0.2");
  EXPECT_NEAR(findings[0].share, 0.0187, 0.0001);
}

TEST_F(EgressTest, JustBelowTheFirstRungNothingFires) { EXPECT_THAT(Send(64 * kMiB / 100 - 1000), IsEmpty()); }

TEST_F(EgressTest, BelowTheLeastBytesNothingFiresHoweverSmallTheAsset) {
  bench.host.Feed(0, testing::Asset(1, {.size = 300 << 10}));
  EXPECT_THAT(Send(255 << 10), IsEmpty());
  EXPECT_THAT(Send(256 << 10), SizeIs(1));
}

TEST_F(EgressTest, ASampleAndARecordOfTheSameBytesAreChargedOnce) {
  EXPECT_THAT(Send(600 << 10), IsEmpty());
  EXPECT_THAT(Send(600 << 10), IsEmpty());
  EXPECT_THAT(Send(500 << 10), IsEmpty()) << "late";
  EXPECT_THAT(Send(650 << 10), IsEmpty());
  EXPECT_THAT(Send(660 << 10), SizeIs(1));
}

TEST_F(EgressTest, ACountThatTheKernelStartedAnewIsChargedAgain) {
  Send(600 << 10);
  bench.host.now_ns += kSecond;
  EXPECT_THAT(Send(100 << 10, {.delta = 100 << 10}), SizeIs(1));
}

TEST_F(EgressTest, ALabelThatUnrelatedSetsShareIsCountedByTheSmallest) {
  for (uint64_t i = 2; i <= 48; ++i) bench.host.Feed(0, testing::Asset(i, {.path = "/m/" + std::to_string(i)}));
  bench.host.Feed(0, testing::Asset(100, {.path = "/d/huge.gguf", .size = uint64_t{1} << 40}));
  bench.host.Feed(0, testing::Asset(101, {.path = "/d/small.gguf", .size = 64 * kMiB}));
  Egress egress = Sent(kMiB, {});
  egress.label = 48;
  const auto findings = bench.Feed(123, egress);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].stage, "1%");
  EXPECT_THAT(findings[0].evidence, ::testing::HasSubstr("or another of the 2 sets that share its label"));
}

TEST_F(EgressTest, LoopbackNeverFires) {
  EXPECT_THAT(Send(64 * kMiB, {.peer = "127.0.0.1"}), IsEmpty());
  EXPECT_THAT(Send(64 * kMiB, {.peer = "::1", .cookie = 8}), IsEmpty());
  EXPECT_THAT(Send(64 * kMiB, {.peer = "10.9.0.1", .cookie = 9}), IsEmpty()) << "its own address";
}

TEST_F(EgressTest, AnUnknownPeerIsPublic) {
  const auto findings = Send(kMiB, {.peer = ""});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].destination_class, "public");
}

TEST_F(EgressTest, WhereNobodyKnowsWhereItGoesCountsAsPublic) {
  // A raw socket, and a datagram socket whose destination no hook stood to see.
  for (const char* peer : {"0.0.0.0", "::"}) {
    SetUpAnew();
    Egress egress = Sent(kMiB, {.peer = peer, .local = "0.0.0.0"});
    egress.socket.peer_port = 0;
    const auto findings = bench.Feed(123, egress);
    ASSERT_THAT(findings, SizeIs(1)) << peer;
    EXPECT_EQ(findings[0].destination_class, "public");
  }
  // With a port it is this host.
  SetUpAnew();
  EXPECT_THAT(Send(kMiB, {.peer = "0.0.0.0", .local = ""}), IsEmpty());
}

TEST_F(EgressTest, SocketsOfOtherFamiliesAreCharged) {
  SetUpAnew();
  Egress egress = Sent(kMiB, {.peer = "vsock:2:5000", .local = "vsock:3:77"});
  egress.socket.peer_port = 0;
  egress.socket.family = 40;
  const auto findings = bench.Feed(123, egress);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].destination, "vsock:2:5000");
  EXPECT_EQ(findings[0].destination_class, "public");
  SetUpAnew();
  egress.socket.peer_address = "vsock:1:5000";
  EXPECT_THAT(bench.Feed(123, egress), IsEmpty()) << "within this machine";
}

class MountTest : public EgressTest {
 protected:
  std::vector<Finding> Write(uint64_t total, uint64_t device) {
    Egress egress = Sent(total, {.peer = "nas:/share", .local = "nfs4"});
    egress.socket.peer_port = 0;
    egress.socket.family = EVENT_FAMILY_MOUNT;
    egress.cookie = EVENT_MOUNT_COOKIE | device;
    return bench.Feed(123, egress);
  }
};

TEST_F(MountTest, ACopyToARemoteFileSystemClimbsTheSameLadder) {
  const auto findings = Write(1258291, 45);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].what, "remote_mount");
  EXPECT_EQ(findings[0].stage, "1%");
  EXPECT_EQ(findings[0].destination, "nas:/share");
  EXPECT_EQ(findings[0].destination_class, "mount");
  EXPECT_EQ(findings[0].evidence,
            "curl (pid 123) wrote 1.2 MiB of 64.0 MiB (1.9 %) of demo.safetensors to nas:/share (nfs4) within 1m");
}

TEST_F(MountTest, ACopyBesideTheAssetIsNone) { EXPECT_THAT(Write(64 * kMiB, testing::Asset(1).file.dev), IsEmpty()); }

TEST_F(EgressTest, TwentyProcessesThatSendAShareEachToTwentyHostsAreOneTheft) {
  std::vector<std::string> stages;
  for (uint32_t i = 0; i < 20; ++i) {
    bench.host.Exec(1000 + i, {.comm = "curl", .path = "/usr/bin/curl"});
    for (const Finding& finding :
         Send(64 * kMiB / 20 + 1,
              {.pid = 1000 + i, .peer = "192.0.2." + std::to_string(i + 1), .cookie = 100 + i, .volume = 64 * kMiB}))
      stages.push_back(finding.stage);
  }
  EXPECT_THAT(stages, ::testing::IsSupersetOf({"1%", "10%", "50%", "100%"}));
}

TEST_F(EgressTest, ASlowLeakIsChargedOverTheWeek) {
  std::vector<Finding> all;
  for (uint64_t hour = 1; hour <= 100; ++hour) {
    bench.host.now_ns += 3600 * kSecond;
    for (Finding& finding : Send(hour * (10 << 10))) all.push_back(finding);
  }
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_THAT(all[0].evidence, ::testing::HasSubstr("within 168h"));
}

TEST_F(EgressTest, WhatLeftTheWindowNoLongerCountsAndTheRungCanFireAgain) {
  EXPECT_THAT(Send(kMiB), SizeIs(1));
  bench.host.now_ns += uint64_t{8} * 24 * 3600 * kSecond;
  EXPECT_THAT(Send(kMiB + 1000), IsEmpty());
  EXPECT_THAT(Send(2 * kMiB), SizeIs(1));
}

TEST_F(EgressTest, ProcessesOfOneJobAreOneMatter) {
  bench.host.Exec(200, {.comm = "bash"});
  bench.host.Fork(200, 201);
  bench.host.Fork(200, 202);
  const auto first = Send(kMiB, {.pid = 201, .cookie = 1});
  const auto second = Send(6 * kMiB, {.pid = 202, .cookie = 2});
  ASSERT_THAT(first, SizeIs(1));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(first[0].key, second[0].key);
  EXPECT_EQ(second[0].stage, "10%");
}

TEST_F(EgressTest, ATheftSplitOverManySmallJobsBringsTheCommonBudgetUp) {
  std::vector<Finding> all;
  for (uint32_t pid = 300; pid < 370; ++pid) {
    bench.host.Exec(pid, {.comm = "curl"});
    for (Finding& finding : Send(100 << 10, {.pid = pid, .cookie = pid})) all.push_back(finding);
  }
  ASSERT_THAT(all, SizeIs(2)) << "7 MiB: 1 % and 10 %";
  EXPECT_THAT(all[0].evidence, ::testing::HasSubstr("and other jobs together sent"));
}

TEST_F(EgressTest, AJobThatWasNamedForAllJobsIsNoNewsByItsOwnFirstRung) {
  bench.host.Exec(300, {.comm = "curl"});
  bench.host.Exec(301, {.comm = "curl"});
  EXPECT_THAT(Send(600 << 10, {.pid = 300, .cookie = 300}), IsEmpty());
  EXPECT_THAT(Send(100 << 10, {.pid = 301, .cookie = 301}), SizeIs(1)) << "700 KiB of 64 MiB together";
  EXPECT_THAT(Send(700 << 10, {.pid = 301, .cookie = 301}), IsEmpty());
}

TEST_F(EgressTest, AJobThatSendsLittleAfterAnotherStoleAllIsQuiet) {
  Send(64 * kMiB);
  bench.host.Exec(400, {.comm = "logger"});
  EXPECT_THAT(Send(300 << 10, {.pid = 400, .cookie = 400}), IsEmpty());
  const auto own = Send(kMiB, {.pid = 400, .cookie = 400});
  ASSERT_THAT(own, SizeIs(1));
  EXPECT_EQ(own[0].stage, "1%") << "by its own bytes";
}

// What has told of a whole job: it sent all to a destination that may be an approved one.
class PartsTest : public EgressTest {
 protected:
  PartsTest() {
    bench.host.Exec(200, {.comm = "bash"});
    bench.host.Fork(200, 201);
    bench.host.Fork(200, 202);
    whole = Send(64 * kMiB, {.pid = 201, .peer = "10.9.0.9"});
  }
  std::vector<Finding> whole;
};

TEST_F(PartsTest, AnotherDestinationOfTheSameJobIsAnAlertOfItsOwn) {
  ASSERT_THAT(whole, SizeIs(1));
  EXPECT_THAT(Send(600 << 10, {.pid = 202, .cookie = 8}), IsEmpty()) << "below the first rung";
  const auto first = Send(kMiB, {.pid = 202, .cookie = 8});
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_NE(first[0].key, whole[0].key);
  EXPECT_EQ(first[0].stage, "1%");
  EXPECT_EQ(first[0].value, kMiB) << "what this one got, not all";
  EXPECT_EQ(first[0].destination, "10.9.0.2");
  const auto second = Send(8 * kMiB, {.pid = 202, .cookie = 8});
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].key, first[0].key);
  EXPECT_EQ(second[0].stage, "10%");
}

TEST_F(PartsTest, AnotherUserOfTheSameJobIsAnAlertOfItsOwn) {
  bench.host.Exec(202, {.parent = 200, .comm = "curl", .uid = 1001});
  const auto findings = Send(kMiB, {.pid = 202, .peer = "10.9.0.9", .cookie = 8});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_NE(findings[0].key, whole[0].key);
  EXPECT_THAT(findings[0].evidence, ::testing::StartsWith("user 1001, by curl (pid 202), sent 1.0 MiB"));
}

TEST_F(PartsTest, TheSameUserAndDestinationAreNoNews) {
  EXPECT_THAT(Send(kMiB, {.pid = 202, .peer = "10.9.0.9", .cookie = 8}), IsEmpty());
}

TEST_F(PartsTest, ATheftOverManyDestinationsThatGetLittleAddsUp) {
  std::vector<std::string> stages, keys;
  for (uint32_t i = 0; i < 100; ++i)
    for (const Finding& finding :
         Send(400 << 10, {.pid = 202, .peer = "192.0.2." + std::to_string(i + 1), .cookie = 100 + i})) {
      stages.push_back(finding.stage);
      keys.push_back(finding.key);
    }
  EXPECT_THAT(stages, ElementsAre("1%", "10%", "50%"));
  EXPECT_THAT(keys, ::testing::Each(keys[0]));
}

TEST_F(PartsTest, PartsSurviveARestart) {
  Send(600 << 10, {.pid = 202, .cookie = 8});
  const std::string state = bench.detector().Save();
  bench.Use(Make());
  ASSERT_TRUE(bench.detector().Restore(state).ok());
  EXPECT_THAT(Send(kMiB, {.pid = 201, .peer = "10.9.0.9"}), IsEmpty()) << "told before";
  EXPECT_THAT(Send(100 << 10, {.pid = 202, .cookie = 8}), SizeIs(1));
}

TEST_F(EgressTest, ManyDestinationsBelowTheFirstRungAreOneMatter) {
  std::vector<std::string> keys;
  for (uint32_t i = 0; i < 160; ++i)
    for (const Finding& finding : Send(512 << 10, {.peer = "192.0.2." + std::to_string(i + 1), .cookie = 100 + i}))
      keys.push_back(finding.key);
  EXPECT_THAT(keys, SizeIs(4));
  EXPECT_THAT(keys, ::testing::Each(keys[0]));
}

class FiguresTest : public EgressTest {
 protected:
  std::vector<Finding> Tick(uint64_t seconds) {
    std::vector<Finding> all;
    for (uint64_t i = 0; i < seconds; ++i) {
      bench.host.now_ns += kSecond;
      for (Finding& finding : bench.Feed(0, ClockTick{})) all.push_back(std::move(finding));
    }
    return all;
  }
};

TEST_F(FiguresTest, WhatGrewSinceTheLastRungIsToldOnceWhenItIsQuiet) {
  const auto rung = Send(33 * kMiB);
  EXPECT_THAT(Send(50 * kMiB), IsEmpty());
  EXPECT_THAT(Send(50 * kMiB + 77), IsEmpty());
  EXPECT_THAT(Tick(2), IsEmpty());
  const auto figures = Tick(300);
  ASSERT_THAT(figures, SizeIs(1));
  EXPECT_EQ(figures[0].key, rung[0].key);
  EXPECT_EQ(figures[0].stage, "50%");
  EXPECT_EQ(figures[0].value, 50 * kMiB + 77);
  EXPECT_EQ(figures[0].process, testing::Pid(123));
}

TEST_F(FiguresTest, LittleGrowthIsNoNews) {
  Send(33 * kMiB);
  Send(33 * kMiB + (500 << 10));
  EXPECT_THAT(Tick(100), IsEmpty());
}

TEST_F(FiguresTest, WhoNeverPausesIsToldOfOnceAMinute) {
  Send(33 * kMiB);
  size_t told = 0;
  for (uint64_t second = 1; second <= 150; ++second) {
    Send(33 * kMiB + second * (200 << 10));
    told += Tick(1).size();
  }
  EXPECT_EQ(told, 2);
}

TEST_F(FiguresTest, ARungTakesTheFiguresAlong) {
  Send(33 * kMiB);
  Send(60 * kMiB);
  EXPECT_THAT(Send(64 * kMiB), SizeIs(1));
  EXPECT_THAT(Tick(100), IsEmpty());
}

TEST_F(FiguresTest, APartsFiguresAreToldOfThePartAlone) {
  Send(64 * kMiB, {.peer = "10.9.0.9"});
  const auto rung = Send(33 * kMiB, {.cookie = 8});
  Send(40 * kMiB, {.cookie = 8});
  const auto figures = Tick(100);
  ASSERT_THAT(figures, SizeIs(1));
  EXPECT_EQ(figures[0].key, rung[0].key);
  EXPECT_EQ(figures[0].value, 40 * kMiB);
}

TEST_F(FiguresTest, LittleForAnotherDestinationIsNoNewsOfTheWhole) {
  Send(64 * kMiB, {.peer = "10.9.0.9"});
  Send(64 * kMiB + (500 << 10), {.peer = "10.9.0.9"});
  EXPECT_THAT(Send(500 << 10, {.cookie = 8}), IsEmpty());
  EXPECT_THAT(Tick(100), IsEmpty());
}

TEST_F(FiguresTest, DestinationsThatGetLittleAreNewsOfTheWholeThatTheyClimbed) {
  std::vector<Finding> all;
  for (uint32_t i = 0; i < 110; ++i)
    for (Finding& finding : Send(400 << 10, {.peer = "192.0.2." + std::to_string(i + 1), .cookie = 100 + i}))
      all.push_back(std::move(finding));
  const auto figures = Tick(100);
  ASSERT_THAT(figures, SizeIs(1));
  EXPECT_EQ(figures[0].key, all[0].key);
  EXPECT_EQ(figures[0].value, 110 * (400 << 10));
}

TEST_F(EgressTest, ServingPortBytesFireOnlyAtHalfAModelToOnePeer) {
  EXPECT_THAT(Send(31 * kMiB, {.serving = true}), IsEmpty());
  EXPECT_THAT(Send(31 * kMiB, {.peer = "10.9.0.3", .cookie = 8, .serving = true}), IsEmpty());
  const auto findings = Send(33 * kMiB, {.serving = true});
  EXPECT_THAT(testing::Whats(findings), ElementsAre("serving_port"));
  EXPECT_THAT(Send(34 * kMiB, {.serving = true}), IsEmpty()) << "once";
}

TEST_F(EgressTest, ServingPortBytesOfYesterdayAreForgotten) {
  Send(31 * kMiB, {.serving = true});
  bench.host.now_ns += uint64_t{25} * 3600 * kSecond;
  EXPECT_THAT(Send(40 * kMiB, {.serving = true}), IsEmpty());
}

TEST_F(EgressTest, BudgetsSurviveARestart) {
  EXPECT_THAT(Send(600 << 10), IsEmpty());
  const std::string state = bench.detector().Save();
  bench.Use(Make());
  ASSERT_TRUE(bench.detector().Restore(state).ok());
  EXPECT_THAT(Send(100 << 10), SizeIs(1)) << "the kernel counts from 0 again; the budget does not";
  EXPECT_EQ(Make()->Restore(state).code(), absl::StatusCode::kOk);
}

TEST_F(EgressTest, ABrokenOrForeignStateIsRefusedAndLeavesAnEmptyDetector) {
  Send(600 << 10);
  const std::string state = bench.detector().Save();
  testing::ExpectRefusesBroken(bench.detector(), state);
  EXPECT_THAT(Send(700 << 10), IsEmpty());
  EXPECT_FALSE(Make({.windows = {absl::Minutes(1)}})->Restore(state).ok());
}

TEST_F(EgressTest, MoreSocketsThanTheBoundChargeOnlyGrowth) {
  bench.Use(Make({.max_sockets = 2}));
  for (uint64_t cookie = 1; cookie <= 3; ++cookie) Send(100 << 10, {.cookie = cookie, .delta = 100 << 10});
  EXPECT_THAT(Send(600 << 10, {.cookie = 1, .delta = 1000}), IsEmpty()) << "301 KiB, not 900";
}

TEST(EgressConfigTest, BadSettingsAreNamed) {
  EXPECT_FALSE(CreateEgressDetector({.ladder = {}}).ok());
  EXPECT_FALSE(CreateEgressDetector({.ladder = {0.5, 0.1}}).ok());
  EXPECT_FALSE(CreateEgressDetector({.ladder = {1.5}}).ok());
  EXPECT_FALSE(CreateEgressDetector({.windows = {}}).ok());
  EXPECT_FALSE(CreateEgressDetector({.max_budgets = 0}).ok());
  EXPECT_FALSE(CreateEgressDetector({.max_sockets = 0}).ok());
}

}  // namespace
}  // namespace tensorwarden
