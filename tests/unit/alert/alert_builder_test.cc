#include "agent/alert/alert_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/alert/alert_text.h"
#include "bpf/abi/event.h"
#include "tests/support/fake_host.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kMinuteNs = 60 * kSecondNs;
constexpr ProcessKey kThief{.tgid = 42, .start_ns = 1};
constexpr ProcessKey kShell{.tgid = 41, .start_ns = 1};
constexpr FileKey kFile{.dev = 1, .ino = 2, .generation = 3};

class AlertBuilderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    host_.start.boot_id = "boot";
    host_.start.hostname = "gpu1";
    host_.realtime_offset_ns = 1'000'000;
    ProcessInfo& thief = host_.processes[kThief];
    thief.key = kThief;
    thief.parent = kShell;
    thief.path = "/usr/bin/curl";
    thief.cmdline = "curl -T a";
    thief.uid = 1000;
    thief.cgroup = "/user.slice/app.service/sub";
    ProcessInfo& shell = host_.processes[kShell];
    shell.key = kShell;
    shell.parent = kShell;  // a cycle must end
    shell.path = "/bin/sh";
    AssetInfo& asset = host_.assets[kFile];
    asset.file = kFile;
    asset.name = "llama";
    asset.path = "/srv/llama.gguf";
    asset.klass = "model";
    asset.size = 1000;
    rule_.name = "Weights leave the host";
    rule_.priority = Priority::kCritical;
    rule_.tags = {"exfiltration"};
    rule_.next_step = "Cut it.";
    Use({});
  }

  void Use(AlertBuilderConfig config) {
    auto builder = AlertBuilder::Create(config);
    ASSERT_TRUE(builder.ok()) << builder.status();
    builder_ = *std::move(builder);
  }

  Event EventAt(uint64_t seconds, EventBody body) {
    Event event;
    event.seq = ++seq_;
    event.origin.ktime_ns = 100 * kMinuteNs + seconds * kSecondNs;
    event.origin.process = kThief;
    event.body = std::move(body);
    return event;
  }

  std::optional<Alert> Found(uint64_t seconds, const std::string& stage, const std::string& key = "k",
                             double value = 2 << 20) {
    Finding finding;
    finding.kind = "egress";
    finding.key = key;
    finding.stage = stage;
    finding.process = kThief;
    finding.file = kFile;
    finding.destination = "203.0.113.5";
    finding.destination_port = 443;
    finding.destination_class = "public";
    finding.value = value;
    finding.unit = "bytes";
    finding.share = 0.25;
    finding.evidence = "2 MiB in 3 s";
    const Event event = EventAt(seconds, finding);
    const EnrichedEvent enriched = Enrich(event, host_);
    Observe(event);
    return builder_->Take({.rule = &rule_, .output = "", .output_fields = {}, .fold_key = key}, enriched);
  }

  std::optional<Alert> Matched(uint64_t seconds, const std::string& fold_key = "") {
    FileOpen open;
    open.path = "/etc/shadow";
    const Event event = EventAt(seconds, open);
    const Detection detection{.rule = &rule_,
                              .output = "opened /etc/shadow",
                              .output_fields = {{"fd.name", "/etc/shadow"}},
                              .fold_key = fold_key};
    return builder_->Take(detection, Enrich(event, host_));
  }

  std::vector<Alert> Observe(const Event& event) {
    std::vector<Alert> alerts;
    builder_->Observe(Enrich(event, host_), alerts);
    return alerts;
  }
  std::vector<Alert> Tick(uint64_t seconds) { return Observe(EventAt(seconds, ClockTick{})); }

  FakeHost host_;
  RuleInfo rule_;
  std::unique_ptr<AlertBuilder> builder_;
  uint64_t seq_ = 0;
};

TEST_F(AlertBuilderTest, AFindingOpensAnAlertWithEveryFactThatIsKnown) {
  const std::optional<Alert> alert = Found(0, "1%");
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->activity, "open");
  EXPECT_EQ(alert->id.size(), 16u);
  EXPECT_EQ(alert->time_ns, static_cast<int64_t>(100 * kMinuteNs) + 1'000'000);
  EXPECT_EQ(alert->rule, "Weights leave the host");
  EXPECT_EQ(alert->priority, Priority::kCritical);
  EXPECT_EQ(alert->stage, "1%");
  EXPECT_EQ(alert->summary, "curl (pid 42, uid 1000) sent 2.0 MiB of llama (25%) to 203.0.113.5:443.");
  EXPECT_THAT(alert->tags, ElementsAre("exfiltration"));
  EXPECT_EQ(alert->process.pid, 42u);
  EXPECT_EQ(alert->process.executable, "/usr/bin/curl");
  EXPECT_EQ(alert->process.command_line, "curl -T a");
  EXPECT_EQ(alert->user, "1000");
  EXPECT_EQ(alert->unit, "app.service");
  EXPECT_EQ(alert->role, "none");
  EXPECT_EQ(alert->asset_path, "/srv/llama.gguf");
  EXPECT_DOUBLE_EQ(alert->asset_share, 0.25);
  EXPECT_EQ(alert->destination, "203.0.113.5");
  EXPECT_EQ(alert->destination_class, "public");
  EXPECT_EQ(alert->evidence, "2 MiB in 3 s");
  EXPECT_EQ(alert->next_step, "Cut it.");
  EXPECT_EQ(alert->hostname, "gpu1");
  EXPECT_EQ(alert->cause_seq, 1u);
  EXPECT_EQ(alert->updates, 0u);
}

TEST_F(AlertBuilderTest, AncestryEndsAfterEightEvenInACycle) {
  const std::optional<Alert> alert = Found(0, "1%");
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->ancestry.size(), 8u);
  EXPECT_EQ(alert->ancestry[0].executable, "/bin/sh");
}

TEST_F(AlertBuilderTest, ANewStageUpdatesTheSameAlertAtOnce) {
  const std::optional<Alert> first = Found(0, "1%"), second = Found(1, "10%");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->activity, "update");
  EXPECT_EQ(second->id, first->id);
  EXPECT_EQ(second->updates, 1u);
}

TEST_F(AlertBuilderTest, AStageThatWasThereBeforeIsNoNews) {
  Found(0, "1%");
  Found(1, "10%");
  EXPECT_FALSE(Found(2, "1%"));
  EXPECT_FALSE(Found(3, "10%"));
  EXPECT_EQ(builder_->Stats().folded, 2u);
}

TEST_F(AlertBuilderTest, AHundredthMoreThatLeftIsToldAtOnce) {
  Found(0, "10%", "k", 1000);
  EXPECT_FALSE(Found(1, "10%", "k", 1009));
  const std::optional<Alert> update = Found(2, "10%", "k", 1010);
  ASSERT_TRUE(update);
  EXPECT_EQ(update->activity, "update");
  EXPECT_FALSE(Found(3, "10%", "k", 1020)) << "since the last one";
}

TEST_F(AlertBuilderTest, WithoutANewStageThereIsOneUpdateAMinute) {
  const std::optional<Alert> first = Found(0, "1%");
  EXPECT_FALSE(Found(1, "1%"));
  EXPECT_TRUE(Tick(59).empty());
  const std::vector<Alert> late = Tick(60);
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].activity, "update");
  EXPECT_EQ(late[0].id, first->id);
  EXPECT_EQ(late[0].updates, 1u);
  EXPECT_TRUE(Tick(200).empty()) << "nothing new since";
  const std::optional<Alert> next = Found(300, "1%");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->updates, 2u);
}

TEST_F(AlertBuilderTest, AMatterWithoutNewsForAnHourIsClosedAndItsNextNewsOpenAnother) {
  const std::optional<Alert> first = Found(0, "1%");
  EXPECT_TRUE(Tick(3599).empty());
  const std::vector<Alert> closed = Tick(3600);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].activity, "close");
  EXPECT_EQ(closed[0].id, first->id);
  EXPECT_EQ(closed[0].updates, 1u);
  const std::optional<Alert> again = Found(3601, "1%");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->activity, "open");
  EXPECT_NE(again->id, first->id);
}

TEST_F(AlertBuilderTest, OtherKeysAndOtherRulesAreOtherMatters) {
  const std::optional<Alert> first = Found(0, "1%", "a"), second = Found(0, "1%", "b");
  rule_.name = "Another";
  const std::optional<Alert> third = Found(0, "1%", "a");
  ASSERT_TRUE(first && second && third);
  EXPECT_NE(first->id, second->id);
  EXPECT_NE(first->id, third->id);
}

TEST_F(AlertBuilderTest, TheSameEventsGiveTheSameIdsAndAnotherBootOthers) {
  const std::string live = Found(0, "1%")->id;
  seq_ = 0;
  Use({});
  EXPECT_EQ(Found(0, "1%")->id, live);
  seq_ = 0;
  Use({});
  host_.start.boot_id = "another";
  EXPECT_NE(Found(0, "1%")->id, live);
}

TEST_F(AlertBuilderTest, APlainRuleAlertsOnEveryMatch) {
  const std::optional<Alert> first = Matched(0), second = Matched(0);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->activity, "open");
  EXPECT_NE(first->id, second->id);
  EXPECT_EQ(first->summary, "opened /etc/shadow");
  EXPECT_EQ(first->evidence, "file_open event 1");
}

TEST_F(AlertBuilderTest, SuppressHoldsBackTheSameKeyForItsTimeAndSaysHowMany) {
  rule_.suppress_ns = 10 * kSecondNs;
  EXPECT_TRUE(Matched(0, "a"));
  EXPECT_FALSE(Matched(1, "a"));
  EXPECT_FALSE(Matched(9, "a"));
  EXPECT_TRUE(Matched(9, "b"));
  const std::optional<Alert> next = Matched(10, "a");
  ASSERT_TRUE(next);
  EXPECT_THAT(next->evidence, HasSubstr("2 more like it were suppressed"));
  EXPECT_EQ(builder_->Stats().suppressed, 2u);
}

TEST_F(AlertBuilderTest, TheFiguresOfARuleWithMemoryStandBeforeTheEvents) {
  const Event event = EventAt(0, FileOpen{});
  const Detection detection{.rule = &rule_, .fold_key = "curl", .evidence = "3 events within 1m, over 2"};
  EXPECT_EQ(builder_->Take(detection, Enrich(event, host_))->evidence, "3 events within 1m, over 2; file_open event 1");
}

TEST_F(AlertBuilderTest, AReloadClosesTheMattersOfChangedRulesAndEndsTheirSuppressions) {
  rule_.suppress_ns = 600 * kSecondNs;
  EXPECT_TRUE(Matched(1, "a"));
  EXPECT_FALSE(Matched(2, "a"));
  const auto opened = Found(3, "1%");
  EXPECT_TRUE(Observe(EventAt(4, RuleReload{.ok = true, .changed = {"another rule"}})).empty());
  EXPECT_FALSE(Matched(5, "a")) << "of a rule that is the same";
  const std::vector<Alert> closed = Observe(EventAt(6, RuleReload{.ok = true, .changed = {rule_.name}}));
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].activity, "close");
  EXPECT_EQ(closed[0].id, opened->id);
  EXPECT_THAT(closed[0].summary, HasSubstr("The rule was changed or taken away: "));
  EXPECT_TRUE(Matched(7, "a"));
  EXPECT_NE(Found(8, "1%")->id, opened->id);
}

TEST_F(AlertBuilderTest, AFloodOfOneRuleBecomesOneSummaryAMinute) {
  Use({.max_opens_per_minute = 3});
  int opened = 0;
  for (int i = 0; i < 10; ++i) opened += Matched(0) ? 1 : 0;
  EXPECT_EQ(opened, 3);
  EXPECT_TRUE(Tick(59).empty());
  const std::vector<Alert> summary = Tick(60);
  ASSERT_EQ(summary.size(), 1u);
  EXPECT_EQ(summary[0].stage, "rate_limit");
  EXPECT_THAT(summary[0].summary,
              HasSubstr("7 more alerts of rule 'Weights leave the host' in a minute were held back"));
  EXPECT_EQ(builder_->Stats().rate_limited, 7u);
  EXPECT_TRUE(Matched(61)) << "the next minute starts afresh";
}

TEST_F(AlertBuilderTest, AnotherRuleIsNotBuriedByAFlood) {
  Use({.max_opens_per_minute = 1});
  Matched(0);
  EXPECT_FALSE(Matched(0));
  rule_.name = "Quiet rule";
  EXPECT_TRUE(Matched(0));
}

TEST_F(AlertBuilderTest, TablesAreBoundedAndWhatGoesIsCounted) {
  Use({.max_matters = 2, .max_suppressions = 1, .max_destinations = 1});
  Found(0, "1%", "a");
  Found(0, "1%", "b");
  Found(0, "1%", "c");
  EXPECT_EQ(builder_->Stats().open_matters, 2u);
  EXPECT_EQ(builder_->Stats().evicted_matters, 1u);
  rule_.suppress_ns = kSecondNs;
  Matched(0, "a");
  Matched(0, "b");
  EXPECT_EQ(builder_->Stats().evicted_suppressions, 1u);
}

TEST_F(AlertBuilderTest, ADestinationIsFirstSeenWhenItWasConnected) {
  SocketState connect;
  connect.socket.peer_address = "203.0.113.5";
  connect.socket.direction = EVENT_DIRECTION_OUT;
  Observe(EventAt(5, connect));
  Observe(EventAt(6, connect));
  const std::optional<Alert> alert = Found(9, "1%");
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->destination_first_seen_ns, static_cast<int64_t>(100 * kMinuteNs + 5 * kSecondNs) + 1'000'000);
}

TEST_F(AlertBuilderTest, ClientsThatConnectInAreNoDestinations) {
  SocketState accept;
  accept.socket.peer_address = "203.0.113.5";
  accept.socket.direction = EVENT_DIRECTION_IN;
  Observe(EventAt(5, accept));
  EXPECT_EQ(Found(9, "1%")->destination_first_seen_ns, 0);
}

TEST_F(AlertBuilderTest, TheUsersNameIsTheHosts) {
  EXPECT_EQ(Found(0, "1%")->user, "1000");
  host_.users[1000] = "eve";
  EXPECT_EQ(Found(1, "1%", "other")->user, "eve");
}

TEST_F(AlertBuilderTest, AnUnknownProcessAndAssetStillMakeAnAlert) {
  host_.processes.clear();
  host_.assets.clear();
  const std::optional<Alert> alert = Found(0, "1%");
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->process.pid, 0u);
  EXPECT_THAT(alert->summary, HasSubstr("An unknown process sent 2.0 MiB of a protected asset"));
}

TEST_F(AlertBuilderTest, TheExceptionNamesExecutableAndDestinationAndIsRuleFileText) {
  EXPECT_EQ(Found(0, "1%")->exception,
            "- rule: \"Weights leave the host\"\n  condition: >-\n    and not (proc.exepath = \"/usr/bin/curl\" and "
            "finding.dest = \"203.0.113.5\")\n  override: {condition: append}\n");
}

TEST_F(AlertBuilderTest, NoExceptionIsOfferedForBytesThatARuleCannotSay) {
  host_.processes[kThief].path = "/tmp/\xff\n";
  EXPECT_EQ(Found(0, "1%")->exception, "");
}

TEST(AlertBuilderCreateTest, ABoundOfZeroIsRefusedByName) {
  EXPECT_THAT(std::string(AlertBuilder::Create({.max_matters = 0}).status().message()), HasSubstr("max_matters"));
}

TEST(HumanBytesTest, PicksTheUnitThatReadsBest) {
  EXPECT_EQ(HumanBytes(12), "12 bytes");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(3.0 * (1 << 30)), "3.0 GiB");
}

TEST_F(AlertBuilderTest, AFindingAsksForEvidenceWithTheStackOfTheLastCall) {
  Egress egress;
  egress.stack = {0x10, 0x20};
  Observe(EventAt(0, egress));
  Observe(EventAt(0, Egress{}));  // a sample of the counters has no stack
  const std::optional<Alert> alert = Found(1, "1%");
  ASSERT_TRUE(alert && alert->wanted);
  EXPECT_EQ(alert->wanted->process, kThief);
  EXPECT_EQ(alert->wanted->cause_seq, alert->cause_seq);
  EXPECT_THAT(alert->wanted->stack, ElementsAre(0x10, 0x20));
}

TEST_F(AlertBuilderTest, OnlyTheOpeningAsksAndAStackOfAnotherKindOfCallIsNotTaken) {
  FileChange change;
  change.stack = {0x30};
  Observe(EventAt(0, change));
  const std::optional<Alert> alert = Found(1, "1%");
  ASSERT_TRUE(alert && alert->wanted);
  EXPECT_TRUE(alert->wanted->stack.empty());
  const std::optional<Alert> update = Found(2, "10%");
  ASSERT_TRUE(update);
  EXPECT_FALSE(update->wanted);
  const std::optional<Alert> plain = Matched(3);
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->wanted);
}

TEST_F(AlertBuilderTest, EvidenceComesAsOneUpdateOfItsMatter) {
  const std::optional<Alert> opened = Found(0, "1%");
  ASSERT_TRUE(opened);
  Evidence evidence;
  evidence.cause_seq = opened->cause_seq;
  evidence.stack = {{.address = 0x10}};
  const std::vector<Alert> alerts = Observe(EventAt(1, evidence));
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].id, opened->id);
  EXPECT_EQ(alerts[0].activity, "update");
  EXPECT_EQ(alerts[0].stage, "1%");
  EXPECT_EQ(alerts[0].updates, 1u);
  ASSERT_TRUE(alerts[0].seen);
  EXPECT_EQ(alerts[0].seen->stack[0].address, 0x10u);
  EXPECT_TRUE(Observe(EventAt(2, evidence)).empty()) << "the same again is no news";
  const std::optional<Alert> next = Found(3, "10%");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->updates, 2u);
  EXPECT_FALSE(next->seen) << "later messages need not repeat it";
}

TEST_F(AlertBuilderTest, EvidenceOfAnotherEventIsNobodys) {
  Found(0, "1%");
  Evidence evidence;
  evidence.cause_seq = 4711;
  EXPECT_TRUE(Observe(EventAt(1, evidence)).empty());
  EXPECT_TRUE(Observe(EventAt(1, Evidence{})).empty());
}

TEST_F(AlertBuilderTest, EvidenceBringsTheNewsThatWaited) {
  const std::optional<Alert> opened = Found(0, "1%");
  EXPECT_FALSE(Found(1, "1%"));
  Evidence evidence;
  evidence.cause_seq = opened->cause_seq;
  ASSERT_EQ(Observe(EventAt(2, evidence)).size(), 1u);
  EXPECT_TRUE(Tick(200).empty()) << "nothing waits any more";
}

}  // namespace
}  // namespace tensorwarden
