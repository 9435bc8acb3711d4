#include "agent/daemon/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/capture/capture.h"
#include "tests/support/builders.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kSecond;
using testing::Pid;

constexpr int64_t kRealtimeOffset = 1'700'000'000ll * kSecond;
constexpr const char* kRules = R"(
- rule: opened
  desc: d
  priority: Notice
  output: "%proc.name opened %fd.name"
  condition: evt.type = file_open
- rule: opened much
  desc: d
  priority: Notice
  output: "%proc.name opens"
  condition: evt.type = file_open
  suppress: {by: [proc.name], for: 1h}
)";

class ReplayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "replay_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream(folder_ + "/rules.yaml") << kRules;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Started at 1 000 s after boot; a process from 1 001 s on opens /0, /1, ... at 1 010 s, 1 020 s, ...
  std::string Write(int opens) {
    std::string path = folder_ + "/a.twcap";
    auto writer = CaptureWriter::Create(path);
    EXPECT_TRUE(writer.ok()) << writer.status();
    uint64_t seq = 0;
    const auto add = [&](uint64_t second, uint32_t pid, EventBody body) {
      Event event{.seq = ++seq, .body = std::move(body)};
      event.origin.ktime_ns = second * kSecond;
      if (pid != 0) event.origin.process = Pid(pid);
      EXPECT_TRUE((*writer)->Append(event).ok());
    };
    add(1000, 0, AgentStart{.boot_id = "b", .realtime_offset_ns = kRealtimeOffset});
    add(1000, 0, ClockTick{kRealtimeOffset});
    add(1001, 7, testing::Image({.comm = "reader"}));
    for (int i = 0; i < opens; ++i) {
      EXPECT_TRUE((*writer)->Flush().ok());
      const uint64_t second = 1010 + 10 * static_cast<uint64_t>(i);
      add(second, 7, FileOpen{.file = {1, 2, 3}, .path = "/" + std::to_string(i)});
      add(second, 0, ClockTick{kRealtimeOffset});
    }
    EXPECT_TRUE((*writer)->Close().ok());
    return path;
  }

  // The alerts, one JSON object each.
  std::vector<nlohmann::json> Alerts(const std::string& path, ReplayOptions options = {}) {
    const std::string out = folder_ + "/alerts.json";
    std::filesystem::remove(out);
    AgentConfig config;
    config.outputs.push_back({.type = "file", .path = out});
    absl::StatusOr<LoadedRules> rules = LoadRules({folder_ + "/rules.yaml"});
    EXPECT_TRUE(rules.ok()) << rules.status();
    const absl::Status status = Replay(path, config, *std::move(rules), options);
    EXPECT_TRUE(status.ok()) << status;
    std::vector<nlohmann::json> alerts;
    std::ifstream lines(out);
    for (std::string line; std::getline(lines, line);) alerts.push_back(nlohmann::json::parse(line));
    return alerts;
  }
  static std::vector<std::string> Outputs(const std::vector<nlohmann::json>& alerts) {
    std::vector<std::string> outputs;
    for (const nlohmann::json& alert : alerts) outputs.push_back(alert["output"]);
    return outputs;
  }
  static ReplayOptions Within(const std::string& from, const std::string& to = "") {
    ReplayOptions options;
    options.limits.from = ParseReplayTime(from).value();
    if (!to.empty()) options.limits.to = ParseReplayTime(to).value();
    return options;
  }

  std::string folder_;
};

TEST_F(ReplayTest, AWindowHasTheAlertsOfTheWholeAndNoOthers) {
  const std::string path = Write(6);
  const std::vector<nlohmann::json> whole = Alerts(path);
  EXPECT_THAT(Outputs(whole), ElementsAre("reader opened /0", "reader opens", "reader opened /1", "reader opened /2",
                                          "reader opened /3", "reader opened /4", "reader opened /5"));
  const std::vector<nlohmann::json> window = Alerts(path, Within("+30s", "+50s"));
  EXPECT_THAT(Outputs(window), ElementsAre("reader opened /2", "reader opened /3"));
  EXPECT_EQ(window[0]["id"], whole[3]["id"]);
  EXPECT_EQ(window[1]["id"], whole[4]["id"]);
}

TEST_F(ReplayTest, ATimeOfTheClockMeansTheSameAsTheOffset) {
  const std::string path = Write(6);
  const absl::Time start = absl::FromUnixNanos(kRealtimeOffset + 1000 * static_cast<int64_t>(kSecond));
  const auto text = [&](int seconds) {
    return absl::FormatTime(absl::RFC3339_full, start + absl::Seconds(seconds), absl::UTCTimeZone());
  };
  EXPECT_EQ(Alerts(path, Within(text(30), text(50))), Alerts(path, Within("+30s", "+50s")));
  EXPECT_THAT(Alerts(path, Within("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z")), IsEmpty());
}

TEST_F(ReplayTest, WhatIsSkippedIsNotKnown) {
  const std::string path = Write(6);
  ReplayOptions options = Within("+50s");
  options.skip = true;
  EXPECT_THAT(Outputs(Alerts(path, options)), ElementsAre("<NA> opened /4", "<NA> opens", "<NA> opened /5"));
  options.limits = Within("+10h").limits;
  EXPECT_THAT(Alerts(path, options), IsEmpty());
}

TEST_F(ReplayTest, SpeedStretchesTheWindowAndNotWhatIsBeforeIt) {
  const std::string path = Write(6);
  ReplayOptions options = Within("+50s", "+61s");  // 10 s of the capture
  options.speed = 100;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Alerts(path, options).size(), 2u);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GE(seconds, 0.1);
  EXPECT_LT(seconds, 5);
}

TEST(ReplayTimeTest, TimesAreRead) {
  EXPECT_EQ(ParseReplayTime("+1h30m")->ns, 5400 * static_cast<int64_t>(kSecond));
  EXPECT_TRUE(ParseReplayTime("+0s")->offset);
  EXPECT_EQ(ParseReplayTime("1970-01-01T00:00:01.5Z")->ns, 1'500'000'000);
  EXPECT_EQ(ParseReplayTime("1970-01-01T01:00:00+01:00")->ns, 0);
  for (const char* bad : {"", "+", "10m", "-10m", "+-10m", "+10", "1970-01-01", "yesterday", "1970-01-01T00:00:01"}) {
    EXPECT_EQ(ParseReplayTime(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(ReplayWindowTest, EventsALittleOutOfOrderAreJudgedByThemselves) {
  ReplayWindow window({.to = {.offset = true, .ns = 100 * static_cast<int64_t>(kSecond)}});
  const auto at = [](uint64_t second) {
    Event event{.body = ClockTick{}};
    event.origin.ktime_ns = second * kSecond;
    return event;
  };
  EXPECT_EQ(window.Of(at(1000)), ReplayWindow::Place::kWithin);
  EXPECT_EQ(window.Of(at(1100)), ReplayWindow::Place::kAfter);
  EXPECT_EQ(window.Of(at(1099)), ReplayWindow::Place::kWithin);
  EXPECT_FALSE(window.Over());
  EXPECT_EQ(window.Of(at(1110)), ReplayWindow::Place::kAfter);
  EXPECT_TRUE(window.Over());
}

}  // namespace
}  // namespace tensorwarden
