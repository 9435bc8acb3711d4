#include "agent/capture/index.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/capture/capture.h"
#include "agent/capture/frame.h"

namespace tensorwarden {
namespace {

class CaptureIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "index_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = name + "/a.twcap";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Event At(uint64_t seq, uint64_t time_ns) {
    Event event{.seq = seq, .body = ClockTick{}};
    event.origin.ktime_ns = time_ns;
    return event;
  }

  // Frames of two events: 100 and 101, 200 and 201, ...
  std::string Write(uint64_t frames) {
    auto writer = CaptureWriter::Create(path_);
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (uint64_t i = 1; i <= frames; ++i) {
      EXPECT_TRUE((*writer)->Append(At(2 * i - 1, 100 * i + 1)).ok());  // not quite in order, as from two CPUs
      EXPECT_TRUE((*writer)->Append(At(2 * i, 100 * i)).ok());
      EXPECT_TRUE((*writer)->Flush().ok());
    }
    closing_at_ = std::filesystem::file_size(path_);
    EXPECT_TRUE((*writer)->Close().ok());
    std::stringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return text.str();
  }
  void Put(const std::string& text) const { std::ofstream(path_, std::ios::binary | std::ios::trunc) << text; }

  std::unique_ptr<CaptureReader> Open() const {
    auto reader = CaptureReader::Open(path_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }
  // 0: the end.
  static uint64_t NextSeq(CaptureReader& reader) {
    Event event;
    const absl::StatusOr<bool> more = reader.Next(event);
    EXPECT_TRUE(more.ok()) << more.status();
    return more.ok() && *more ? event.seq : 0;
  }

  std::string folder_, path_;
  size_t closing_at_ = 0;
};

TEST_F(CaptureIndexTest, ATimeIsFoundInTheFrameThatHoldsIt) {
  Write(5);
  for (const auto& [time_ns, seq] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 1}, {100, 1}, {101, 1}, {102, 3}, {200, 3}, {300, 5}, {501, 9}, {502, 0}, {UINT64_MAX, 0}}) {
    auto reader = Open();
    ASSERT_TRUE(reader->SeekTime(time_ns).ok());
    EXPECT_EQ(NextSeq(*reader), seq) << time_ns;
    EXPECT_FALSE(reader->TornTail());
  }
}

TEST_F(CaptureIndexTest, SeekingGoesForwardOnly) {
  Write(5);
  auto reader = Open();
  EXPECT_EQ(NextSeq(*reader), 1u);
  ASSERT_TRUE(reader->SeekTime(100).ok());
  EXPECT_EQ(NextSeq(*reader), 2u) << "the frame at hand is not read again";
  ASSERT_TRUE(reader->SeekTime(400).ok());
  EXPECT_EQ(NextSeq(*reader), 7u);
  ASSERT_TRUE(reader->SeekTime(100).ok());
  EXPECT_EQ(NextSeq(*reader), 8u);
  EXPECT_EQ(NextSeq(*reader), 9u);
}

TEST_F(CaptureIndexTest, TheExtentIsThatOfAllEvents) {
  Write(5);
  const absl::StatusOr<CaptureExtent> extent = Open()->Extent();
  ASSERT_TRUE(extent.ok()) << extent.status();
  EXPECT_EQ(extent->events, 10u);
  EXPECT_EQ(extent->first_ns, 100u);
  EXPECT_EQ(extent->last_ns, 501u);
}

TEST_F(CaptureIndexTest, ACaptureTornAnywhereIsSearchedByItsFrameHeaders) {
  const std::string whole = Write(3);
  for (size_t size = closing_at_; size > kFileHeaderBytes; --size) {
    Put(whole.substr(0, size));
    auto reader = Open();
    const absl::StatusOr<CaptureExtent> extent = reader->Extent();
    ASSERT_TRUE(extent.ok()) << extent.status();
    ASSERT_TRUE(reader->SeekTime(200).ok());
    const uint64_t next = NextSeq(*reader);
    if (extent->events >= 4) {
      ASSERT_EQ(next, 3u) << size;
    } else {
      ASSERT_EQ(next, 0u) << size;
    }
  }
}

TEST_F(CaptureIndexTest, ADamagedIndexIsAnErrorOnTheWayAndNoHindranceToASearch) {
  const std::string whole = Write(3);
  for (size_t at = closing_at_; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    Put(damaged);
    auto reader = Open();
    ASSERT_TRUE(reader->SeekTime(300).ok()) << at;
    ASSERT_EQ(NextSeq(*reader), 5u) << at;
    ASSERT_EQ(NextSeq(*reader), 6u) << at;
    Event event;
    ASSERT_EQ(reader->Next(event).status().code(), absl::StatusCode::kDataLoss) << at;
  }
}

TEST_F(CaptureIndexTest, AnIndexThatPointsElsewhereIsNotBelieved) {
  const std::string frames = Write(2).substr(0, closing_at_);
  CaptureIndex forged;
  forged.Add(frames.size() + 100, {.events = 1, .first_ns = 1, .last_ns = 900});
  Put(frames + *forged.Encode(frames.size()));
  auto reader = Open();
  ASSERT_TRUE(reader->SeekTime(200).ok());
  EXPECT_EQ(NextSeq(*reader), 3u);
}

TEST_F(CaptureIndexTest, NothingMayFollowTheIndex) {
  const std::string whole = Write(1);
  Put(whole + whole.substr(kFileHeaderBytes));
  auto reader = Open();
  EXPECT_EQ(NextSeq(*reader), 1u);
  EXPECT_EQ(NextSeq(*reader), 2u);
  Event event;
  EXPECT_EQ(reader->Next(event).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CaptureIndexTest, APipeIsReadToItsEndAndCannotBeSearched) {
  const std::string whole = Write(2);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], whole.data(), whole.size()), static_cast<ssize_t>(whole.size()));
  close(ends[1]);
  auto reader = CaptureReader::Adopt(UniqueFd(ends[0]), "pipe");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->SeekTime(1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_LT((*reader)->Share(), 0);
  for (uint64_t seq = 1; seq <= 4; ++seq) EXPECT_EQ(NextSeq(**reader), seq);
  EXPECT_EQ(NextSeq(**reader), 0u);
}

TEST_F(CaptureIndexTest, TheShareReadGrowsToOne) {
  Write(50);
  auto reader = Open();
  double share = reader->Share();
  while (NextSeq(*reader) != 0) {
    EXPECT_GE(reader->Share(), share);
    share = reader->Share();
  }
  EXPECT_EQ(reader->Share(), 1);
}

// A capture as version 1 wrote it: shorter frame headers, no index.
std::string VersionOne() {
  std::string plain;
  const std::string event = EncodeEvent(Event{.seq = 7, .body = ClockTick{}});
  AppendLittleEndian(plain, event.size(), 4);
  const std::string payload = *CompressPayload(plain + event);
  std::string header;
  AppendLittleEndian(header, payload.size(), 4);
  AppendLittleEndian(header, 1, 4);
  AppendLittleEndian(header, 7, 8);
  AppendLittleEndian(header, FrameHash(payload), 8);
  AppendLittleEndian(header, FrameHash(header), 8);
  std::string file = EncodeFileHeader();
  file[6] = 1;
  return file + header + payload;
}

TEST_F(CaptureIndexTest, VersionOneIsReadAndCannotBeSearched) {
  Put(VersionOne() + VersionOne().substr(kFileHeaderBytes));
  auto reader = Open();
  EXPECT_EQ(reader->SeekTime(1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(NextSeq(*reader), 7u);
  EXPECT_EQ(NextSeq(*reader), 7u);
  EXPECT_EQ(NextSeq(*reader), 0u);
  EXPECT_FALSE(reader->TornTail());
}

TEST(CaptureIndexRowsTest, ManyFramesAreMergedAndStillFound) {
  CaptureIndex index;
  const size_t frames = 3 * CaptureIndex::kMaxRows;
  for (size_t i = 0; i < frames; ++i) {
    index.Add(kFileHeaderBytes + i * 100, {.events = 2, .first_ns = 10 * i + 1, .last_ns = 10 * i + 9});
  }
  EXPECT_LE(index.rows().size(), CaptureIndex::kMaxRows);
  uint64_t events = 0;
  for (const IndexRow& row : index.rows()) events += row.events;
  EXPECT_EQ(events, 2 * frames);
  const IndexRow* row = index.RowAt(10 * 1000 + 5);
  ASSERT_NE(row, nullptr);
  EXPECT_LE(row->first_ns, 10 * 1000 + 5u);
  EXPECT_GE(row->last_ns, 10 * 1000 + 5u);
}

}  // namespace
}  // namespace tensorwarden
