#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/capture/capture.h"
#include "agent/capture/frame.h"
#include "tests/support/reflect.h"

namespace tensorwarden {
namespace {

class CaptureFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "capture_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = name + "/a.twcap";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Event Tick(uint64_t seq) {
    Event event;
    event.seq = seq;
    event.body = ClockTick{7};
    return event;
  }

  // One frame per event; frame i lies between ends_[i] and ends_[i + 1].
  std::string WriteFrames(uint64_t count) {
    auto writer = CaptureWriter::Create(path_);
    EXPECT_TRUE(writer.ok()) << writer.status();
    ends_ = {kFileHeaderBytes};
    for (uint64_t seq = 1; seq <= count; ++seq) {
      EXPECT_TRUE((*writer)->Append(Tick(seq)).ok());
      EXPECT_TRUE((*writer)->Flush().ok());
      ends_.push_back(std::filesystem::file_size(path_));
    }
    EXPECT_TRUE((*writer)->Close().ok());
    return Text();
  }

  std::string Text() const {
    std::stringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return text.str();
  }

  void Put(const std::string& text) const { std::ofstream(path_, std::ios::binary | std::ios::trunc) << text; }

  struct Outcome {
    size_t events = 0;
    bool torn = false;
    absl::Status status;
  };

  Outcome ReadAll() const {
    Outcome outcome;
    auto reader = CaptureReader::Open(path_);
    outcome.status = reader.status();
    if (!reader.ok()) return outcome;
    Event event;
    for (;;) {
      const absl::StatusOr<bool> more = (*reader)->Next(event);
      outcome.status = more.status();
      outcome.torn = (*reader)->TornTail();
      if (!more.ok() || !*more) return outcome;
      ++outcome.events;
    }
  }

  // A capture of one frame whose payload is the test's.
  static std::string WithPayload(const std::string& payload) {
    const FrameHeader header{.payload_bytes = static_cast<uint32_t>(payload.size()),
                             .events = 1,
                             .first_seq = 0,
                             .payload_hash = FrameHash(payload)};
    return EncodeFileHeader() + EncodeFrameHeader(header) + payload;
  }

  std::string folder_, path_;
  std::vector<size_t> ends_;
};

TEST_F(CaptureFileTest, EveryKindSurvivesAFile) {
  auto writer = CaptureWriter::Create(path_);
  ASSERT_TRUE(writer.ok()) << writer.status();
  const std::vector<Event> events = OneOfEveryKind();
  for (const Event& event : events) ASSERT_TRUE((*writer)->Append(event).ok());
  ASSERT_TRUE((*writer)->Close().ok());
  auto reader = CaptureReader::Open(path_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  for (const Event& event : events) {
    Event back;
    const absl::StatusOr<bool> more = (*reader)->Next(back);
    ASSERT_TRUE(more.ok()) << more.status();
    ASSERT_TRUE(*more);
    EXPECT_TRUE(Same(event, back)) << EventKindName(event.body);
  }
  Event back;
  EXPECT_FALSE(*(*reader)->Next(back));
  EXPECT_FALSE((*reader)->TornTail());
}

TEST_F(CaptureFileTest, OnlyItsOwnerMayReadACapture) {
  WriteFrames(1);
  struct stat st {};
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(CaptureFileTest, ManyEventsMakeSeveralFramesAndAllComeBack) {
  auto writer = CaptureWriter::Create(path_);
  ASSERT_TRUE(writer.ok());
  for (uint64_t seq = 1; seq <= 50'000; ++seq) {
    Event event = Tick(seq);
    event.body.emplace<FileOpen>().path = std::to_string(seq * 7919);
    ASSERT_TRUE((*writer)->Append(event).ok());
  }
  ASSERT_TRUE((*writer)->Close().ok());
  const Outcome outcome = ReadAll();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.events, 50'000u);
}

TEST_F(CaptureFileTest, ACaptureCutAnywhereAfterItsHeaderEndsWithTheTornFlag) {
  const std::string whole = WriteFrames(3);
  for (size_t size = kFileHeaderBytes; size < whole.size(); ++size) {
    Put(whole.substr(0, size));
    const Outcome outcome = ReadAll();
    ASSERT_TRUE(outcome.status.ok()) << size << ": " << outcome.status;
    const auto next = std::upper_bound(ends_.begin(), ends_.end(), size);
    ASSERT_EQ(outcome.events, static_cast<size_t>(next - ends_.begin()) - 1);
    ASSERT_EQ(outcome.torn, *(next - 1) != size) << size;
  }
}

TEST_F(CaptureFileTest, ATailOfZerosIsTornAndZerosInTheMiddleAreAnError) {
  const std::string whole = WriteFrames(2);
  Put(whole + std::string(100'000, '\0'));
  Outcome outcome = ReadAll();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_TRUE(outcome.torn);
  EXPECT_EQ(outcome.events, 2u);
  Put(whole + std::string(100, '\0') + "x");
  outcome = ReadAll();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(CaptureFileTest, AnyFlippedByteOfAFrameIsDataLossThatNamesTheFramesOffset) {
  const std::string whole = WriteFrames(3);
  for (size_t at = ends_[1]; at < ends_[2]; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    Put(damaged);
    const Outcome outcome = ReadAll();
    ASSERT_EQ(outcome.status.code(), absl::StatusCode::kDataLoss) << at;
    ASSERT_EQ(outcome.events, 1u) << at;
    ASSERT_NE(outcome.status.message().find("byte " + std::to_string(ends_[1])), std::string::npos) << outcome.status;
  }
}

TEST_F(CaptureFileTest, AnErrorStaysAnError) {
  std::string whole = WriteFrames(1);
  whole[ends_[1] - 1] = static_cast<char>(whole[ends_[1] - 1] ^ 1);
  Put(whole);
  auto reader = CaptureReader::Open(path_);
  ASSERT_TRUE(reader.ok());
  Event event;
  EXPECT_FALSE((*reader)->Next(event).ok());
  EXPECT_FALSE((*reader)->Next(event).ok());
}

TEST_F(CaptureFileTest, ADecompressionBombIsRefusedBySizeAlone) {
  const std::string zeros(kMaxFrameBytes + 1, '\0');
  std::string bomb(ZSTD_compressBound(zeros.size()), '\0');
  bomb.resize(ZSTD_compress(bomb.data(), bomb.size(), zeros.data(), zeros.size(), 3));
  Put(WithPayload(bomb));
  const Outcome outcome = ReadAll();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(outcome.status.message().find("does not unpack"), std::string::npos) << outcome.status;
}

TEST_F(CaptureFileTest, AnEventThatClaimsMoreThanItsFrameIsRefused) {
  std::string plain;
  AppendLittleEndian(plain, 1000, 4);
  plain += "short";
  Put(WithPayload(*CompressPayload(plain)));
  EXPECT_EQ(ReadAll().status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(CaptureFileTest, AFrameWithAnotherNumberOfEventsIsRefused) {
  std::string plain;
  for (int i = 0; i < 2; ++i) {
    const std::string event = EncodeEvent(Event{});
    AppendLittleEndian(plain, event.size(), 4);
    plain += event;
  }
  Put(WithPayload(*CompressPayload(plain)));
  EXPECT_EQ(ReadAll().status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(CaptureFileTest, AFileThatIsNoCaptureIsDataLossAndANewerOneUnimplemented) {
  Put("#!/bin/sh\necho not a capture\n");
  EXPECT_EQ(ReadAll().status.code(), absl::StatusCode::kDataLoss);
  Put("");
  EXPECT_EQ(ReadAll().status.code(), absl::StatusCode::kDataLoss);
  std::string newer = EncodeFileHeader();
  newer[6] = 99;
  Put(newer);
  EXPECT_EQ(ReadAll().status.code(), absl::StatusCode::kUnimplemented);
}

TEST_F(CaptureFileTest, AMissingFileIsNotFoundWithItsPath) {
  const absl::Status status = CaptureReader::Open(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find(path_), std::string::npos);
}

TEST_F(CaptureFileTest, AnEventLargerThanAFrameIsLeftOutAndTheCaptureGoesOn) {
  auto writer = CaptureWriter::Create(path_);
  ASSERT_TRUE(writer.ok());
  Event huge;
  huge.body.emplace<StateRestored>().detector_state = std::string(kMaxFrameBytes, 'x');
  EXPECT_EQ((*writer)->Append(huge).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE((*writer)->Append(Tick(1)).ok());
  EXPECT_TRUE((*writer)->Close().ok());
  EXPECT_EQ(ReadAll().events, 1u);
}

TEST_F(CaptureFileTest, AFullDeviceIsReportedAndStaysReported) {
  auto writer = CaptureWriter::Create("/dev/full");
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.status().code(), absl::StatusCode::kResourceExhausted) << writer.status();
}

TEST_F(CaptureFileTest, AClosedCaptureTakesNoMore) {
  auto writer = CaptureWriter::Create(path_);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Close().ok());
  EXPECT_EQ((*writer)->Append(Tick(1)).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace tensorwarden
