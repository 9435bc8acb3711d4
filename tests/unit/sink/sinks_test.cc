#include "agent/sink/sinks.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/sink/stdout_sink.h"
#include "tests/unit/sink/alerts.h"

namespace tensorwarden {
namespace {

using ::testing::HasSubstr;

class FileSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "sinks_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    config_ = {.type = "file", .format = AlertFormat::kText, .path = name + "/alerts"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Sink> Create() {
    auto sink = CreateSink(config_);
    EXPECT_TRUE(sink.ok()) << sink.status();
    return sink.ok() ? *std::move(sink) : nullptr;
  }
  static std::string Text(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static std::string Line() { return EncodeAlert(FullAlert(), AlertFormat::kText) + "\n"; }

  std::string folder_;
  SinkConfig config_;
};

TEST_F(FileSinkTest, AlertsAreAppendedAsLines) {
  auto sink = Create();
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  sink = Create();  // a restart goes on where the file ended
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line() + Line() + Line());
  struct stat st {};
  ASSERT_EQ(stat(config_.path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07, 0u) << "alerts name users and commands";
}

TEST_F(FileSinkTest, AFileThatWouldGrowPastItsSizeIsRotatedAndTheOldestGoes) {
  config_.max_bytes = Line().size() * 2;
  config_.keep = 2;
  auto sink = Create();
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line());
  EXPECT_EQ(Text(config_.path + ".1"), Line() + Line());
  EXPECT_EQ(Text(config_.path + ".2"), Line() + Line());
  EXPECT_FALSE(std::filesystem::exists(config_.path + ".3"));
}

TEST_F(FileSinkTest, WithNothingToKeepTheFileStartsAnew) {
  config_.max_bytes = Line().size();
  config_.keep = 0;
  auto sink = Create();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line());
  EXPECT_FALSE(std::filesystem::exists(config_.path + ".1"));
}

TEST_F(FileSinkTest, ALineLongerThanTheLimitIsStillWritten) {
  config_.max_bytes = 10;
  auto sink = Create();
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line());
}

TEST_F(FileSinkTest, AFileThatWasMovedAwayOrDeletedIsMadeAnew) {
  auto sink = Create();
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  std::filesystem::rename(config_.path, config_.path + ".moved");
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line());
  EXPECT_EQ(Text(config_.path + ".moved"), Line());
  std::filesystem::remove(config_.path);
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line());
}

TEST_F(FileSinkTest, HalfALineOfACrashIsEndedBeforeTheNext) {
  std::ofstream(config_.path) << "half";
  auto sink = Create();
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), "half\n" + Line());
}

TEST_F(FileSinkTest, ALineThatDoesNotFitIsTakenBackAndReported) {
  auto sink = Create();
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = Line().size() + 10;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const absl::Status status = sink->Deliver(FullAlert());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(config_.path));
  EXPECT_EQ(Text(config_.path), Line());
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(Text(config_.path), Line() + Line());
}

TEST_F(FileSinkTest, AMissingFolderIsAnErrorWithThePath) {
  config_.path = folder_ + "/none/alerts";
  const absl::Status status = CreateSink(config_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(config_.path));
}

TEST_F(FileSinkTest, AFifoIsRefusedAndDoesNotBlock) {
  ASSERT_EQ(mkfifo(config_.path.c_str(), 0600), 0);
  EXPECT_EQ(CreateSink(config_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CreateSinkTest, AnUnknownTypeNamesTheKnownOnes) {
  const absl::Status status = CreateSink({.type = "kafka", .path = ""}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("unknown output type 'kafka'; known: stdout, file"));
}

TEST(CreateSinkTest, AFileNeedsAPath) {
  EXPECT_EQ(CreateSink({.type = "file", .path = ""}).status().code(), absl::StatusCode::kInvalidArgument);
}

class StreamSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe2(ends_, O_NONBLOCK | O_CLOEXEC), 0);
  }
  void TearDown() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  std::string ReadAll() const {
    std::string text(1 << 20, '\0');
    const ssize_t n = read(ends_[0], text.data(), text.size());
    text.resize(n < 0 ? 0 : static_cast<size_t>(n));
    return text;
  }
  int ends_[2] = {-1, -1};
};

TEST_F(StreamSinkTest, AnAlertIsALine) {
  auto sink = MakeStreamSink(ends_[1], AlertFormat::kText);
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(ReadAll(), EncodeAlert(FullAlert(), AlertFormat::kText) + "\n");
}

TEST_F(StreamSinkTest, AReaderThatWentAwayIsUnavailable) {
  auto sink = MakeStreamSink(ends_[1], AlertFormat::kText);
  close(ends_[0]);
  const absl::Status status = sink->Deliver(FullAlert());
  ends_[0] = -1;
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Broken pipe"));
}

TEST_F(StreamSinkTest, AReaderThatIsBehindIsUnavailableAndABrokenLineIsEnded) {
  ASSERT_GT(fcntl(ends_[1], F_SETPIPE_SZ, 4096), 0);
  auto sink = MakeStreamSink(ends_[1], AlertFormat::kText);
  Alert alert = FullAlert();
  alert.summary = std::string(6000, 'x');
  EXPECT_EQ(sink->Deliver(alert).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadAll().find('\n'), std::string::npos);
  EXPECT_TRUE(sink->Deliver(FullAlert()).ok());
  EXPECT_EQ(ReadAll(), "\n" + EncodeAlert(FullAlert(), AlertFormat::kText) + "\n");
}

}  // namespace
}  // namespace tensorwarden
