#include "agent/pipeline/sequencer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorwarden {
namespace {

std::unique_ptr<HttpMeter> Meter() {
  HttpMeterConfig config;
  config.secret = std::string(16, 'k');
  absl::StatusOr<std::unique_ptr<HttpMeter>> meter = HttpMeter::Create(config);
  EXPECT_TRUE(meter.ok()) << meter.status();
  return *std::move(meter);
}

HttpSegment Request(uint32_t seq) {
  const std::string text = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n";
  HttpSegment segment;
  segment.socket.peer_address = "10.0.0.9";
  segment.socket.local_port = 8000;
  segment.cookie = 7;
  segment.seq = seq;
  segment.payload_len = static_cast<uint32_t>(text.size());
  segment.payload.assign(text.begin(), text.end());
  return segment;
}

TEST(SequencerTest, NumbersEventsFromOneWithoutGaps) {
  Sequencer sequencer(Meter());
  std::vector<Event> out;
  sequencer.Take(Event{.body = ClockTick{}}, out);
  sequencer.Take(Event{.body = ProcessExit{}}, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].seq, 1u);
  EXPECT_EQ(out[1].seq, 2u);
}

TEST(SequencerTest, SegmentsLeaveAsRequestsAndNeverAsBytes) {
  Sequencer sequencer(Meter());
  std::vector<Event> out;
  sequencer.Take(Event{.body = Request(100)}, out);
  ASSERT_EQ(out.size(), 1u);
  const auto* request = std::get_if<HttpRequest>(&out[0].body);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->path, "/v1/models");
  EXPECT_EQ(out[0].seq, 1u);
}

TEST(SequencerTest, SecretsOfASnapshotAreRedacted) {
  Sequencer sequencer(Meter());
  std::vector<Event> out;
  ProcessSnapshot snapshot;
  snapshot.exec.args = {"vllm", "--api-key", "s3cret"};
  sequencer.Take(Event{.body = snapshot}, out);
  EXPECT_EQ(std::get<ProcessSnapshot>(out[0].body).exec.args[2], "***");
}

TEST(SequencerTest, SecretsInNamesOfOpenFilesAreRedacted) {
  Sequencer sequencer(Meter());
  std::vector<Event> out;
  Evidence evidence;
  evidence.descriptors = {{.fd = 3, .type = "file", .path = "/tmp/upload?token=s3cret"}, {.fd = 4, .path = "/srv/m"}};
  evidence.mappings = {{.path = "/tmp/hf_abcdefghijklmnop1234"}};
  sequencer.Take(Event{.body = evidence}, out);
  const auto& told = std::get<Evidence>(out[0].body);
  EXPECT_EQ(told.descriptors[0].path, "/tmp/upload?token=***");
  EXPECT_EQ(told.descriptors[1].path, "/srv/m");
  EXPECT_EQ(told.mappings[0].path, "/tmp/***");
}

}  // namespace
}  // namespace tensorwarden
