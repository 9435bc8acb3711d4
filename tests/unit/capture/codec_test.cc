#include <absl/strings/escaping.h>
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

// Bytes of version 0 of the structs that have grown since.
constexpr const char* kOldEgress =
    "010000000005000000000000000000000006000000000000000000000000000000070000000800000000000000000000"
    "00000009000000000000000000000000000000000000000000bb010000000000000009000000000000000a0000000000"
    "00000b000000000000000c000000000000000d00000001";
constexpr const char* kOldChange =
    "010000000005000000000000000000000006000000000000000000000000000000070000000800000000000000000000"
    "000000050000000000000001000000000000000200000000000000030000000000000000000000040000000000000005"
    "00000000000000000000000000000002000000";
constexpr const char* kOldLoss =
    "010000000005000000000000000000000006000000000000000000000000000000070000000800000000000000000000"
    "0000001600000000000000050000006c6162656c03000000000000000000000000000000000000000000000004000000"
    "00000000";

constexpr const char* kOldState =
    "010000000005000000000000000000000006000000000000000000000000000000070000000800000000000000000000"
    "000000150000000000000000000000050000000000000002000000"
    "6162";

TEST(EventCodecTest, EventsOfOlderCapturesAreRead) {
  const absl::StatusOr<Event> egress = DecodeCapturedEvent(absl::HexStringToBytes(kOldEgress));
  ASSERT_TRUE(egress.ok()) << egress.status();
  EXPECT_EQ(std::get<Egress>(egress->body).label, 13u);
  EXPECT_TRUE(std::get<Egress>(egress->body).serving);
  EXPECT_TRUE(std::get<Egress>(egress->body).stack.empty());
  const absl::StatusOr<Event> change = DecodeCapturedEvent(absl::HexStringToBytes(kOldChange));
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(std::get<FileChange>(change->body).change, 2u);
  const absl::StatusOr<Event> loss = DecodeCapturedEvent(absl::HexStringToBytes(kOldLoss));
  ASSERT_TRUE(loss.ok()) << loss.status();
  EXPECT_EQ(std::get<LossSample>(loss->body).read_failed, 4u);
  EXPECT_FALSE(std::get<LossSample>(loss->body).top);
  const absl::StatusOr<Event> state = DecodeCapturedEvent(absl::HexStringToBytes(kOldState));
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(std::get<StateRestored>(state->body).blind_ns, 5u);
  EXPECT_EQ(std::get<StateRestored>(state->body).detector_state, "ab");
  EXPECT_EQ(std::get<StateRestored>(state->body).rule_state, "");
}

}  // namespace
}  // namespace tensorwarden
