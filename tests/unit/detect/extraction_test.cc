#include "agent/detect/extraction.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <functional>
#include <random>

#include "tests/unit/detect/azure_conversation.h"
#include "tests/unit/detect/detect_test_base.h"

namespace tensorwarden {
namespace {

using ::testing::IsEmpty;
using testing::kSecond;
using ::testing::SizeIs;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 3600 * kSecond;

struct Facts {
  std::string client = "key:a";
  std::string method = "POST";
  std::string path = "/v1/completions";
  uint64_t prefix = 0;  // 0: no body seen
  uint64_t body = 0;
};

class ExtractionTest : public ::testing::Test {
 protected:
  ExtractionTest() : bench(Make()) { bench.Feed(0, ClockTick{}); }
  static std::unique_ptr<Detector> Make(ExtractionConfig config = {}) {
    return std::move(CreateExtractionDetector(std::move(config)).value());
  }

  void Ask(const Facts& facts = Facts()) {
    HttpRequest request;
    request.client = facts.client;
    request.method = facts.method;
    request.path = facts.path;
    request.prefix_hash = facts.prefix;
    request.body_hash = facts.body;
    for (Finding& finding : bench.Feed(0, request)) found.push_back(std::move(finding));
  }
  // `count` requests, `apart` from each other.
  void AskMany(uint64_t count, uint64_t apart_ns, const Facts& facts = Facts()) {
    for (uint64_t i = 0; i < count; ++i) {
      bench.host.now_ns += apart_ns;
      Ask(facts);
    }
  }
  std::vector<Finding> Of(const std::string& what) const {
    std::vector<Finding> some;
    for (const Finding& finding : found)
      if (finding.what == what) some.push_back(finding);
    return some;
  }
  double HighestScore() const {
    double highest = 0;
    for (const Finding& finding : found) highest = std::max(highest, finding.score);
    return highest;
  }

  testing::DetectBench bench;
  std::vector<Finding> found;
};

TEST_F(ExtractionTest, AVolumeRungAloneIsLowAndFiresOnceAWindow) {
  AskMany(999, 10 * kSecond);
  EXPECT_THAT(found, IsEmpty());
  AskMany(9000, 10 * kSecond);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].what, "volume");
  EXPECT_EQ(found[0].stage, "1000");
  EXPECT_DOUBLE_EQ(found[0].score, 0.3);
  EXPECT_EQ(found[0].client, "key:a");
  AskMany(1, 10 * kSecond);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[1].stage, "10000");
  EXPECT_EQ(found[1].key, found[0].key);
}

TEST_F(ExtractionTest, ASteadyClientThatHoversAboutARungIsNamedOnceAWeek) {
  AskMany(uint64_t{1100} * 3, uint64_t{7} * 24 * kHour / 1100);
  EXPECT_LE(found.size(), 3u);
  EXPECT_DOUBLE_EQ(HighestScore(), 0.3);
}

TEST_F(ExtractionTest, OneTemplateWithNewFillingsIsHighSoonAfterTwoThousand) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    bench.host.now_ns += 4 * kMs;
    Ask({.prefix = 42, .body = random() | 1});
  }
  ASSERT_THAT(Of("template"), SizeIs(1));
  EXPECT_DOUBLE_EQ(Of("template")[0].score, 0.9);
  EXPECT_EQ(Of("template")[0].key, "extraction:key:a");
}

TEST_F(ExtractionTest, AVolumeRungAfterATemplateIsHigh) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'100; ++i) {
    bench.host.now_ns += kSecond;
    Ask({.prefix = 42, .body = random() | 1});
  }
  ASSERT_THAT(Of("volume"), SizeIs(2));
  EXPECT_DOUBLE_EQ(Of("volume")[1].score, 0.9);
}

TEST_F(ExtractionTest, RepeatedQuestionsOrManyPrefixesAreNoTemplate) {
  std::mt19937_64 random(1);
  for (uint64_t i = 0; i < 6000; ++i) {
    bench.host.now_ns += kSecond;
    Ask({.client = "key:repeats", .prefix = 42, .body = random() % 4000 + 1});
    Ask({.client = "key:varies", .prefix = random() | 1, .body = random() | 1});
    Ask({.client = "key:half", .prefix = i % 2 == 0 ? 42 : (random() | 1), .body = random() | 1});
  }
  EXPECT_THAT(Of("template"), IsEmpty());
}

TEST_F(ExtractionTest, HealthChecksAndScrapesAreNoQuestions) {
  AskMany(5000, kSecond, {.method = "GET", .path = "/metrics"});
  EXPECT_THAT(found, IsEmpty());
  AskMany(5000, kSecond, {.method = "GET", .path = "/predict"});
  EXPECT_THAT(found, SizeIs(1));
}

TEST_F(ExtractionTest, ABurstOverAClientsOwnHistoryIsMedium) {
  AskMany(60, kMinute);
  AskMany(400, 200 * kMs);
  ASSERT_THAT(Of("burst"), SizeIs(1));
  EXPECT_DOUBLE_EQ(Of("burst")[0].score, 0.6);
  AskMany(300, 100 * kMs);
  EXPECT_THAT(Of("burst"), SizeIs(1)) << "once an hour";
  AskMany(400, 100 * kMs);
  ASSERT_THAT(Of("volume"), SizeIs(1));
  EXPECT_DOUBLE_EQ(Of("volume")[0].score, 0.6) << "it has grown";
}

TEST_F(ExtractionTest, AClientThatAlwaysAsksThatMuchIsNoBurst) {
  AskMany(20'000, 350 * kMs);
  EXPECT_THAT(Of("burst"), IsEmpty());
}

TEST_F(ExtractionTest, AClientThatTriplesIsNoBurst) {
  AskMany(3000, kSecond);
  AskMany(1000, 330 * kMs);
  EXPECT_THAT(Of("burst"), IsEmpty());
}

TEST_F(ExtractionTest, ANewcomerIsABurstOnlyWhenTheAgentHadWatchedBefore) {
  AskMany(400, 200 * kMs, {.client = "key:at_start"});
  EXPECT_THAT(Of("burst"), IsEmpty()) << "after a start everybody is new";
  bench.host.now_ns += 11 * kMinute;
  AskMany(1000, 300 * kMs, {.client = "key:later"});
  ASSERT_THAT(Of("burst"), SizeIs(1));
  EXPECT_EQ(Of("burst")[0].client, "key:later");
}

TEST_F(ExtractionTest, AnEvictedClientIsNotReset) {
  bench.Use(Make({.max_clients = 2}));
  AskMany(900, kSecond, {.client = "key:slow"});
  for (const char* other : {"key:b", "key:c"}) AskMany(20, kSecond, {.client = other});
  AskMany(150, kSecond, {.client = "key:slow"});
  EXPECT_THAT(Of("volume"), SizeIs(1));
}

TEST_F(ExtractionTest, ManyOneTimeClientsDoNotPushOutARealOne) {
  bench.Use(Make({.max_clients = 8, .max_summaries = 64}));
  for (int i = 0; i < 1100; ++i) {
    AskMany(1, kSecond);
    for (int k = 0; k < 10; ++k) Ask({.client = fmt::format("addr:{}.{}", i, k)});
  }
  EXPECT_THAT(Of("volume"), SizeIs(1));
}

// Real arrivals; who asks is drawn, for the trace names nobody. Heavy tails as in real populations: the first of n
// clients asks about a third of all.
void SpreadConversation(uint32_t clients, uint32_t seed, const std::function<void(uint64_t ns, uint32_t client)>& ask) {
  std::mt19937_64 random(seed);
  std::vector<double> weights;
  for (uint32_t i = 0; i < clients; ++i) weights.push_back(1.0 / (1 + i));
  std::discrete_distribution<uint32_t> pick(weights.begin(), weights.end());
  uint64_t second = 0;
  for (uint8_t count : testing::kConversationSeconds) {
    for (uint8_t i = 0; i < count; ++i) ask(second * kSecond + i * kSecond / count, pick(random));
    ++second;
  }
}

TEST_F(ExtractionTest, RealConversationsSpreadOverClientsRaiseNothingOfWeight) {
  for (uint32_t clients : {1u, 12u, 100u, 1000u}) {
    std::mt19937_64 random(clients);
    bench.Use(Make());
    found.clear();
    const uint64_t start_ns = bench.host.now_ns;
    SpreadConversation(clients, clients, [&](uint64_t ns, uint32_t client) {
      bench.host.now_ns = start_ns + ns;
      // A third of the clients are applications with a prompt of their own; people repeat themselves now and then.
      const uint64_t prefix = client % 3 == 0 ? client + 1 : (random() | 1);
      const uint64_t body = random() % 100 < 20 ? client + 7 : (random() | 1);
      Ask({.client = fmt::format("key:{}", client), .prefix = prefix, .body = body});
    });
    EXPECT_LT(HighestScore(), 0.5) << clients << " clients";
  }
}

TEST_F(ExtractionTest, AThiefAmongRealConversationsIsFound) {
  const uint64_t start_ns = bench.host.now_ns;
  std::mt19937_64 random(3);
  SpreadConversation(100, 5, [&](uint64_t ns, uint32_t client) {
    bench.host.now_ns = start_ns + ns;
    Ask({.client = fmt::format("key:{}", client), .prefix = random() | 1, .body = random() | 1});
    if (client < 5) Ask({.client = "key:thief", .prefix = 99, .body = random() | 1});
  });
  ASSERT_THAT(Of("template"), SizeIs(1));
  EXPECT_EQ(Of("template")[0].client, "key:thief");
}

TEST_F(ExtractionTest, HistoriesSurviveARestart) {
  AskMany(600, 10 * kSecond);
  const std::string state = bench.detector().Save();
  bench.Use(Make());
  ASSERT_TRUE(bench.detector().Restore(state).ok());
  AskMany(390, 10 * kSecond);
  EXPECT_THAT(found, IsEmpty());
  AskMany(10, 10 * kSecond);
  EXPECT_THAT(Of("volume"), SizeIs(1));
}

TEST_F(ExtractionTest, ABrokenOrForeignStateIsRefused) {
  AskMany(600, 10 * kSecond, {.prefix = 1, .body = 5});
  const std::string state = bench.detector().Save();
  testing::ExpectRefusesBroken(bench.detector(), state);
  EXPECT_FALSE(Make({.ladder = {5}})->Restore(state).ok());
}

TEST(ExtractionConfigTest, BadSettingsAreNamed) {
  EXPECT_FALSE(CreateExtractionDetector({.ladder = {}}).ok());
  EXPECT_FALSE(CreateExtractionDetector({.ladder = {10, 1}}).ok());
  EXPECT_FALSE(CreateExtractionDetector({.window = absl::ZeroDuration()}).ok());
  EXPECT_FALSE(CreateExtractionDetector({.burst_requests = 0}).ok());
  EXPECT_FALSE(CreateExtractionDetector({.template_share = 2}).ok());
  EXPECT_FALSE(CreateExtractionDetector({.max_clients = 0}).ok());
  EXPECT_FALSE(CreateExtractionDetector({.max_summaries = 0}).ok());
}

}  // namespace
}  // namespace tensorwarden
