#include <gtest/gtest.h>

#include "agent/capture/capture.h"
#include "tests/support/reflect.h"

namespace tensorwarden {
namespace {

TEST(EventCodecTest, EveryMemberOfEveryKindSurvivesARoundTrip) {
  const std::vector<Event> events = OneOfEveryKind();
  ASSERT_EQ(events.size(), kEventKindCount);
  for (const Event& event : events) {
    const absl::StatusOr<Event> back = DecodeCapturedEvent(EncodeEvent(event));
    ASSERT_TRUE(back.ok()) << EventKindName(event.body) << ": " << back.status();
    EXPECT_TRUE(Same(event, *back)) << EventKindName(event.body);
  }
}

TEST(EventCodecTest, TheComparisonOfThisTestSeesADifference) {
  Event a = FilledEvent<2>();
  Event b = a;
  std::get<ProcessExec>(b.body).args[1] = "other";
  EXPECT_FALSE(Same(a, b));
}

TEST(EventCodecTest, StringsKeepZerosAndBytesThatAreNoUtf8) {
  Event event;
  event.body.emplace<FileOpen>().path = std::string("a\0b\xff", 4);
  const absl::StatusOr<Event> back = DecodeCapturedEvent(EncodeEvent(event));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<FileOpen>(back->body).path, std::string("a\0b\xff", 4));
}

TEST(EventCodecTest, EveryPrefixOfAnEventIsRefused) {
  for (const Event& event : OneOfEveryKind()) {
    const std::string bytes = EncodeEvent(event);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const absl::StatusOr<Event> back = DecodeCapturedEvent(std::string_view(bytes).substr(0, size));
      ASSERT_EQ(back.status().code(), absl::StatusCode::kDataLoss) << EventKindName(event.body) << " cut at " << size;
    }
  }
}

TEST(EventCodecTest, BytesAfterAnEventAreRefused) {
  EXPECT_EQ(DecodeCapturedEvent(EncodeEvent(FilledEvent<3>()) + "x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(EventCodecTest, AForgedLengthIsRefusedBeforeAnythingIsAllocated) {
  for (const Event& event : OneOfEveryKind()) {
    const std::string bytes = EncodeEvent(event);
    for (size_t at = 0; at + 4 <= bytes.size(); ++at) {
      std::string forged = bytes;
      forged.replace(at, 4, "\xff\xff\xff\xff");
      (void)DecodeCapturedEvent(forged);  // 4 GiB of string or 400 GiB of vector would end the test here
    }
  }
}

TEST(EventCodecTest, AKindThatThisProgramDoesNotKnowIsRefused) {
  std::string bytes = EncodeEvent(Event{});
  const size_t index_at = bytes.size() - 4;
  bytes[index_at] = static_cast<char>(kEventKindCount);
  EXPECT_EQ(DecodeCapturedEvent(bytes).status().code(), absl::StatusCode::kDataLoss);
  bytes.replace(index_at, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(DecodeCapturedEvent(bytes).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tensorwarden
