#include "agent/traffic/http_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/traffic/segments.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(HttpMeterTest, ARequestInOneSegmentIsOneEvent) {
  Client client;
  client.segment.cookie = 7;
  client.Send(Post("{\"prompt\":\"hello\"}", "User-Agent: t\r\n"));
  ASSERT_THAT(client.events, SizeIs(1));
  const HttpRequest request = client.Requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/completions");
  EXPECT_EQ(request.client, "addr:10.0.0.9");
  EXPECT_EQ(request.content_length, 18u);
  EXPECT_EQ(request.cookie, 7u);
  EXPECT_EQ(request.socket.local_port, 8000);
  EXPECT_NE(request.user_agent_hash, 0u);
  EXPECT_NE(request.prefix_hash, 0u);
  EXPECT_NE(request.body_hash, 0u);
  EXPECT_EQ(client.events[0].origin.ktime_ns, client.origin.ktime_ns);
}

TEST(HttpMeterTest, KeepAliveCountsEachRequest) {
  Client client;
  for (int i = 0; i < 5; ++i) client.Send(Post("{}"));
  EXPECT_EQ(client.meter->Stats().requests, 5u);
  EXPECT_EQ(client.meter->Stats().connections, 1u);
}

TEST(HttpMeterTest, PipelinedRequestsInOneSegmentCountSeparately) {
  Client client;
  client.Send(Get("/a") + Post("xyz") + Get("/b") + Get("/c"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/v1/completions", "/b", "/c"));
}

TEST(HttpMeterTest, AHeadInOneByteSegmentsIsOneRequest) {
  Client client;
  for (char byte : Post("{\"prompt\":\"hi\"}") + Get("/next")) client.Send({&byte, 1});
  EXPECT_THAT(client.Paths(), ElementsAre("/v1/completions", "/next"));
  EXPECT_EQ(client.meter->Stats().malformed, 0u);
}

TEST(HttpMeterTest, SegmentationDoesNotChangeTheHashes) {
  Client whole, split, bytes;
  const std::string text = Post("{\"prompt\":\"tell me about tensors\"}");
  whole.Send(text);
  split.Send(text.substr(0, text.size() - 34));
  split.Send(text.substr(text.size() - 34));
  for (char byte : text) bytes.Send({&byte, 1});
  ASSERT_THAT(whole.events, SizeIs(1));
  ASSERT_THAT(split.events, SizeIs(1));
  ASSERT_THAT(bytes.events, SizeIs(1));
  for (const Client* other : {&split, &bytes}) {
    EXPECT_EQ(whole.Requests()[0].body_hash, other->Requests()[0].body_hash);
    EXPECT_EQ(whole.Requests()[0].prefix_hash, other->Requests()[0].prefix_hash);
  }
}

TEST(HttpMeterTest, RetransmittedAndOverlappingSegmentsAddNothing) {
  Client client;
  const std::string first = Get("/a"), second = Get("/b");
  client.SendAt(1000, first);
  client.SendAt(1000, first);
  client.SendAt(1005, first.substr(5) + second);
  client.SendAt(1000, first + second);
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b"));
}

TEST(HttpMeterTest, SegmentsOutOfOrderAreReordered) {
  Client client;
  const std::string text = Get("/a") + Get("/b") + Get("/c");
  client.SendAt(1000, text.substr(0, 10));
  client.SendAt(1040, text.substr(40));
  client.SendAt(1020, text.substr(20, 20));
  EXPECT_THAT(client.events, SizeIs(0));
  client.SendAt(1010, text.substr(10, 10));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b", "/c"));
}

TEST(HttpMeterTest, SequenceNumbersMayWrap) {
  Client client;
  client.seq = 0xfffffff0u;
  for (int i = 0; i < 3; ++i) client.Send(Get("/w"));
  EXPECT_THAT(client.events, SizeIs(3));
}

TEST(HttpMeterTest, DecoysOutsideTheWindowAreIgnored) {
  Client client;
  client.Send(Get("/a"));
  client.SendAt(client.seq + (64 << 20), Get("/decoy"));
  client.SendAt(client.seq - (64 << 20), Get("/decoy"));
  client.SendAt(client.seq + (1u << 31), Get("/decoy"));
  client.Send(Get("/b"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b"));
}

TEST(HttpMeterTest, ADecoyResetOrSynDoesNotHideWhatFollows) {
  Client client;
  client.segment.cookie = 5;
  client.Send(Get("/a"));
  client.SendAt(client.seq + 77, "", 4);
  client.SendAt(client.seq + 500, "", 2);
  client.Send(Get("/b"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b"));
}

TEST(HttpMeterTest, ABodyIsPassedOverWithoutItsBytes) {
  Client client;
  const std::string head = "POST /up HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n";
  client.Send(head + std::string(2000, 'x'));
  client.seq += 100'000'000 - 2000;  // all other segments of the body are lost
  client.Send(Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/up", "/after"));
  EXPECT_EQ(client.meter->Stats().resynchronised, 0u);
}

TEST(HttpMeterTest, SegmentsCutShortInABodyAreCountedOver) {
  Client client;
  const std::string head = "POST /up HTTP/1.1\r\nContent-Length: 60000\r\n\r\n";
  client.SendCut(1000, head + std::string(1000, 'x'), head.size() + 60000);
  client.SendAt(static_cast<uint32_t>(1000 + head.size() + 60000), Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/up", "/after"));
}

TEST(HttpMeterTest, RequestsInsideABodyDoNotCount) {
  Client client;
  client.Send("POST /up HTTP/1.1\r\nContent-Length: 10000\r\n\r\n");
  std::string body;
  while (body.size() < 10000) body += Get("/inner");
  body.resize(10000);
  for (size_t at = 0; at < body.size(); at += 1000) client.Send(body.substr(at, 1000));
  client.Send(Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/up", "/after"));
}

TEST(HttpMeterTest, ChunkedBodiesEndWhereTheirFramingSays) {
  Client client;
  const std::string head = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.Send(head + "5;ext=1\r\nGET /\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" + Get("/after"));
  client.Send(head);
  client.Send("fff\r\n" + std::string(0xfff, 'y') + "\r\n");
  client.Send("0\r\n\r\n" + Get("/last"));
  EXPECT_THAT(client.Paths(), ElementsAre("/c", "/after", "/c", "/last"));
  EXPECT_EQ(client.meter->Stats().malformed, 0u);
}

TEST(HttpMeterTest, AChunkIsPassedOverWithoutItsBytes) {
  Client client;
  const std::string start = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n";
  client.SendCut(1000, start + std::string(1500, 'z'), start.size() + 40000);
  client.SendAt(static_cast<uint32_t>(1000 + start.size() + 0x10000), "\r\n0\r\n\r\n" + Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/c", "/after"));
}

struct FramingCase {
  const char* name;
  const char* headers;
};
class AmbiguousFramingTest : public ::testing::TestWithParam<FramingCase> {};

TEST_P(AmbiguousFramingTest, CountsTheRequestAndSkipsToTheNextHead) {
  Client client;
  client.Send("POST /x HTTP/1.1\r\n" + std::string(GetParam().headers) + "\r\nGET /smuggled HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.meter->Stats().malformed, 1u);
  client.Send("more of it");
  client.Send(Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/x", "/after"));
}

INSTANTIATE_TEST_SUITE_P(
    Framings, AmbiguousFramingTest,
    ::testing::Values(FramingCase{"TwoLengths", "Content-Length: 5\r\nContent-Length: 6\r\n"},
                      FramingCase{"LengthThenCoding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"},
                      FramingCase{"CodingThenLength", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"},
                      FramingCase{"ForeignCoding", "Transfer-Encoding: xchunked\r\n"},
                      FramingCase{"SignedLength", "Content-Length: +5\r\n"},
                      FramingCase{"HugeLength", "Content-Length: 99999999999999999999999\r\n"},
                      FramingCase{"BlankBeforeColon", "Content-Length : 5\r\n"},
                      FramingCase{"FoldedLine", "A: b\r\n Content-Length: 5\r\n"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(HttpMeterTest, GarbageIsMalformedAndTheNextRequestCounts) {
  Client client;
  client.Send(Get("/a"));
  client.Send("\x16\x03\x01 not http\r\n\r\n");
  client.Send(Get("/b"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b"));
  EXPECT_EQ(client.meter->Stats().malformed, 1u);
  EXPECT_EQ(client.meter->Stats().resynchronised, 1u);
}

TEST(HttpMeterTest, ALostSegmentIsResynchronisedAtTheNextHead) {
  Client client;
  client.Send(Get("/a"));
  client.seq += 100;  // lost
  client.Send(Get("/b"));
  EXPECT_THAT(client.events, SizeIs(1)) << "it may still arrive";
  client.origin.ktime_ns += 2'000'000'000;
  client.Send(Get("/c"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b", "/c"));
  EXPECT_EQ(client.meter->Stats().resynchronised, 1u);
}

TEST(HttpMeterTest, AFullStashDoesNotWaitForTheLostSegment) {
  Client client;
  client.Send(Get("/a"));
  client.seq += 100;
  for (int i = 0; i < 20; ++i) client.Send(Get("/b"));
  EXPECT_THAT(client.events, SizeIs(21));
}

TEST(HttpMeterTest, AConnectionThatStandsElsewhereIsFoundAgain) {
  Client client;
  client.Send(Get("/a"));
  client.seq += 1u << 30;
  for (int i = 0; i < 20; ++i) client.Send(Get("/b"));
  EXPECT_GE(client.events.size(), 5u);
}

TEST(HttpMeterTest, TakingUpAConnectionInTheMiddleWaitsForAHead) {
  Client client;
  client.Send("ody of some request that began before\"}");
  client.Send(Get("/a"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a"));
}

TEST(HttpMeterTest, AHeadThatIsTooLongCountsOnce) {
  Client client;
  client.Send("GET /long HTTP/1.1\r\nX-Api-Key: k1\r\n");
  for (int i = 0; i < 30; ++i) client.Send("X-Fill: " + std::string(1000, 'f') + "\r\n");
  client.Send("\r\n");
  client.Send(Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/long", "/after"));
  EXPECT_THAT(client.Requests()[0].client, HasSubstr("key:"));
  EXPECT_EQ(client.meter->Stats().malformed, 1u);
}

TEST(HttpMeterTest, AHeadLargerThanTheCaptureCounts) {
  Client client;
  client.SendCut(1000, "GET /cut HTTP/1.1\r\nX-Api-Key: k1\r\nCookie: " + std::string(2000, 'c'), 5000);
  client.SendAt(6000, Get("/after"));
  EXPECT_THAT(client.Paths(), ElementsAre("/cut", "/after"));
  EXPECT_EQ(client.meter->Stats().resynchronised, 2u);
}

TEST(HttpMeterTest, AnApiKeyIsTheSameClientInEitherHeader) {
  Client client;
  client.Send(Post("{}", "Authorization: Bearer sk-secret\r\n"));
  client.Send(Post("{}", "x-api-key: sk-secret\r\n"));
  client.Send(Post("{}", "x-api-key: sk-other\r\n"));
  const auto requests = client.Requests();
  EXPECT_EQ(requests[0].client, requests[1].client);
  EXPECT_NE(requests[0].client, requests[2].client);
  EXPECT_THAT(requests[0].client, ::testing::MatchesRegex("key:[0-9a-f]{32}"));
}

TEST(HttpMeterTest, ForwardedForIsBelievedOnlyFromATrustedProxy) {
  HttpMeterConfig config = DefaultMeterConfig();
  config.trusted_proxies = {"10.0.0.0/8", "2001:db8::/32"};
  Client proxy(config), stranger(config);
  const char* header = "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.1.1\r\n";
  proxy.Send(Post("{}", header));
  stranger.segment.socket.peer_address = "192.0.2.1";
  stranger.Send(Post("{}", header));
  EXPECT_EQ(proxy.Requests()[0].client, "proxy:203.0.113.7");
  EXPECT_EQ(stranger.Requests()[0].client, "addr:192.0.2.1");
}

TEST(HttpMeterTest, RequestsWithOneTemplateShareThePrefixAndDifferInTheBody) {
  Client client;
  const std::string start = "Translate the following sentence into French, keep names, formal tone please: ";
  client.Send(Post("{\"model\":\"m\",\"prompt\":\"" + start + "one\"}"));
  client.Send(Post("{\"model\":\"m\",\"prompt\":\"" + start + "two\"}"));
  client.Send(Post("{\"model\":\"m\",\"prompt\":\"Something else\"}"));
  const auto requests = client.Requests();
  EXPECT_EQ(requests[0].prefix_hash, requests[1].prefix_hash);
  EXPECT_NE(requests[0].body_hash, requests[1].body_hash);
  EXPECT_NE(requests[0].prefix_hash, requests[2].prefix_hash);
}

TEST(HttpMeterTest, AnotherCookieOnTheSameTupleIsAnotherConnection) {
  Client client;
  client.segment.cookie = 1;
  client.Send(Get("/a"));
  client.segment.cookie = 2;
  client.seq = 77;
  client.Send(Get("/b"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b"));
}

TEST(HttpMeterTest, TheSynHasTheListenersCookieAndStillTellsWhereTheStreamBegins) {
  Client client;
  client.segment.cookie = 1;
  client.SendAt(999, "", 2);
  client.segment.cookie = 2;
  client.SendAt(1010, Get("/a").substr(10));
  client.SendAt(1000, Get("/a").substr(0, 10));
  EXPECT_THAT(client.Paths(), ElementsAre("/a"));
  client.segment.cookie = 1;
  client.SendAt(499, "", 2);
  client.segment.cookie = 3;
  client.SendAt(500, Get("/b"));
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/b"));
}

TEST(HttpMeterTest, AFinishedConnectionIsForgotten) {
  Client client;
  client.SendAt(999, "", 2);
  client.Send(Get("/a"));
  client.Send(Post("12345").substr(0, Post("12345").size() - 2));
  client.Send("", 1);
  EXPECT_EQ(client.meter->Stats().connections, 0u);
  EXPECT_THAT(client.Paths(), ElementsAre("/a", "/v1/completions"));
}

TEST(HttpMeterTest, TheLeastRecentlyActiveConnectionGoes) {
  HttpMeterConfig config = DefaultMeterConfig();
  config.max_connections = 2;
  Client client(config);
  for (uint16_t port : {1, 2, 3, 1}) {
    client.segment.socket.peer_port = port;
    client.SendAt(1, "GET /x HTTP/1.1\r\n");
  }
  EXPECT_EQ(client.meter->Stats().evicted, 2u);
  EXPECT_EQ(client.meter->Stats().connections, 2u);
}

TEST(HttpMeterTest, BufferedBytesOfAllConnectionsAreBounded) {
  HttpMeterConfig config = DefaultMeterConfig();
  config.max_buffered_bytes = 64 << 10;
  Client client(config);
  for (uint16_t port = 1; port < 200; ++port) {
    client.segment.socket.peer_port = port;
    client.SendAt(1, "GET /x HTTP/1.1\r\nA: " + std::string(2000, 'a'));
  }
  EXPECT_LT(client.meter->Stats().connections, 40u);
  EXPECT_GT(client.meter->Stats().evicted, 150u);
}

TEST(HttpMeterTest, BadConfigsAreNamed) {
  const auto message = [](auto change) {
    HttpMeterConfig config = DefaultMeterConfig();
    change(config);
    return std::string(HttpMeter::Create(config).status().message());
  };
  EXPECT_THAT(message([](auto& c) { c.secret = "short"; }), HasSubstr("http.secret"));
  EXPECT_THAT(message([](auto& c) { c.max_connections = 0; }), HasSubstr("http.max_connections"));
  EXPECT_THAT(message([](auto& c) { c.trusted_proxies = {"proxy.example"}; }), HasSubstr("'proxy.example'"));
  EXPECT_THAT(message([](auto& c) { c.trusted_proxies = {"10.0.0.0/33"}; }), HasSubstr("'10.0.0.0/33'"));
}

}  // namespace
}  // namespace tensorwarden
