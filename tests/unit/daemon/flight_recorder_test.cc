#include "agent/capture/flight_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "agent/daemon/analysis.h"
#include "tests/support/builders.h"

namespace tensorwarden {
namespace {

using testing::File;
using testing::kSecond;
using testing::Pid;

class FlightRecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "recorder_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    Start({.max_bytes = 1 << 20, .dir = folder_ + "/slices"});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Start(FlightRecorderConfig config) {
    seq_ = 0;
    model_ = HostModel::Create({}).value();
    auto recorder = FlightRecorder::Create(std::move(config), [this] { return model_->Restate({}); });
    ASSERT_TRUE(recorder.ok()) << recorder.status();
    recorder_ = *std::move(recorder);
    Feed(0, AgentStart{.hostname = "h", .boot_id = "b"});
    Feed(0, testing::Asset(1));
    Feed(7, ProcessSnapshot{testing::Image({.comm = "server", .path = "/usr/bin/server"})});
    Feed(7, testing::Listening(8000));
    Feed(7, FileRead{.file = File(1), .labels = 1});
  }
  void Feed(uint32_t pid, EventBody body) {
    Event event{.seq = ++seq_, .body = std::move(body)};
    event.origin.ktime_ns = now_ns_ += kSecond / 100;
    if (pid != 0) event.origin.process = Pid(pid);
    recorder_->Take(event);
    model_->Apply(event, effects_);
  }
  // Opens of names that do not compress.
  void FeedMuch(int events) {
    for (int i = 0; i < events; ++i) {
      FileOpen open;
      for (int j = 0; j < 64; ++j)
        open.path += static_cast<char>('!' + (random_ = random_ * 6364136223846793005 + 1) / (1ull << 58));
      Feed(7, std::move(open));
    }
  }
  static std::vector<Event> Read(const std::string& path) {
    auto reader = CaptureReader::Open(path);
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<Event> events;
    for (Event event;;) {
      const absl::StatusOr<bool> more = (*reader)->Next(event);
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) break;
      events.push_back(event);
    }
    EXPECT_FALSE((*reader)->TornTail());
    return events;
  }
  std::string Save(absl::Duration after = absl::ZeroDuration()) {
    const absl::StatusOr<std::string> path = recorder_->Save("slice-" + std::to_string(++saves_), now_ns_, after);
    EXPECT_TRUE(path.ok()) << path.status();
    return path.ok() ? *path : "";
  }

  std::string folder_;
  uint64_t seq_ = 0;
  uint64_t now_ns_ = 1000 * kSecond;
  uint64_t random_ = 1;
  int saves_ = 10;
  std::unique_ptr<HostModel> model_;
  std::unique_ptr<FlightRecorder> recorder_;
  std::vector<HostEffect> effects_;
};

TEST_F(FlightRecorderTest, ASliceOfAQuietHostHasEverythingAndWhatComesAfter) {
  const std::string path = Save(absl::Seconds(1));
  Feed(7, FileOpen{.path = "/after"});
  ASSERT_TRUE(recorder_->Tick(now_ns_, false).ok());
  Feed(7, FileOpen{.path = "/later"});
  now_ns_ += kSecond;
  ASSERT_TRUE(recorder_->Tick(now_ns_, false).ok());
  Feed(7, FileOpen{.path = "/too late"});
  const std::vector<Event> events = Read(path);
  ASSERT_EQ(events.size(), 7u);
  EXPECT_EQ(events.front().seq, 1u);
  EXPECT_EQ(std::get<FileOpen>(events.back().body).path, "/later");
  struct stat st {};
  ASSERT_EQ(stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(FlightRecorderTest, ALaterSliceBeginsWithTheStateThatTheHostHadThere) {
  FeedMuch(60'000);
  EXPECT_LE(recorder_->stats().bytes, 1u << 20);
  const std::string path = Save();
  ASSERT_TRUE(recorder_->Tick(now_ns_, true).ok());
  const std::vector<Event> events = Read(path);
  ASSERT_GT(events.front().seq, 1000u);
  auto again = HostModel::Create({}).value();
  for (const Event& event : events) again->Apply(event, effects_);
  EXPECT_EQ(again->Start().hostname, "h");
  ASSERT_NE(again->Asset(File(1)), nullptr);
  const ProcessInfo* server = again->Process(Pid(7));
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->comm, "server");
  EXPECT_EQ(server->labels, 1u);
  EXPECT_EQ(server->workload, model_->Process(Pid(7))->workload);
  // Then the events themselves, none missing.
  for (size_t i = 1; i < events.size(); ++i) ASSERT_LE(events[i].seq - events[i - 1].seq, 1u) << i;
  EXPECT_EQ(events.back().seq, seq_);
}

TEST_F(FlightRecorderTest, ASliceGoesBackNoFurtherThanTheSegmentThatHoldsItsBeginning) {
  FeedMuch(60'000);  // ten minutes, more than a minute a segment
  const std::string path = Save();
  ASSERT_TRUE(recorder_->Tick(now_ns_, true).ok());
  const std::vector<Event> events = Read(path);
  EXPECT_LE(events.front().origin.ktime_ns, now_ns_ - 60 * kSecond);
  EXPECT_LT(std::filesystem::file_size(path), 600'000u);
  EXPECT_EQ(recorder_->stats().short_slices, 0u);
}

TEST_F(FlightRecorderTest, AlertsAtOneTimeShareOneSlice) {
  const std::string path = Save(absl::Seconds(1));
  EXPECT_EQ(Save(absl::Seconds(5)), path);
  now_ns_ += 2 * kSecond;
  ASSERT_TRUE(recorder_->Tick(now_ns_, false).ok());
  Feed(7, FileOpen{.path = "/within the second"});
  ASSERT_TRUE(recorder_->Tick(now_ns_, true).ok());
  EXPECT_EQ(std::get<FileOpen>(Read(path).back().body).path, "/within the second");
  EXPECT_EQ(recorder_->stats().slices, 1u);
}

TEST_F(FlightRecorderTest, OnlySoManySlicesAreKept) {
  Start({.max_bytes = 1 << 20, .dir = folder_ + "/few", .keep = 2});
  std::vector<std::string> paths;
  for (int i = 0; i < 4; ++i) {
    paths.push_back(Save());
    ASSERT_TRUE(recorder_->Tick(now_ns_, true).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(paths[0]));
  EXPECT_FALSE(std::filesystem::exists(paths[1]));
  EXPECT_TRUE(std::filesystem::exists(paths[2]));
  EXPECT_TRUE(std::filesystem::exists(paths[3]));
  EXPECT_EQ(recorder_->stats().removed, 2u);
}

TEST_F(FlightRecorderTest, ASliceThatCannotBeWrittenIsAnErrorAndCounted) {
  std::filesystem::remove_all(folder_ + "/slices");
  EXPECT_FALSE(recorder_->Save("x", now_ns_, absl::ZeroDuration()).ok());
  EXPECT_EQ(recorder_->stats().failed, 1u);
}

}  // namespace
}  // namespace tensorwarden
