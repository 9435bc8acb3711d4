// The meter's parts: hash, addresses, paths, prompts.
#include <gtest/gtest.h>

#include <cstring>

#include "agent/traffic/address_set.h"
#include "agent/traffic/client_identity.h"
#include "agent/traffic/http1_head.h"
#include "agent/traffic/keyed_hash.h"
#include "agent/traffic/prompt.h"

namespace tensorwarden {
namespace {

std::string Hex(const std::array<uint8_t, 16>& digest) {
  std::string hex;
  for (uint8_t byte : digest) hex += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return hex;
}

// Vectors of the SipHash authors' vectors.h (128-bit output), key 00..0f, input 00..n-1.
TEST(KeyedHashTest, MatchesThePublishedVectors) {
  std::string key, input;
  for (char c = 0; c < 16; ++c) key.push_back(c);
  auto hash = KeyedHash::Create(key).value();
  EXPECT_EQ(Hex(hash->Hash128("")), "a3817f04ba25a8e66df67214c7550293");
  input.push_back(0);
  EXPECT_EQ(Hex(hash->Hash128(input)), "da87c1d86b99af44347659119b22fc45");
  input.push_back(1);
  EXPECT_EQ(Hex(hash->Hash128(input)), "8177228da4a45dc7fca38bdef60affe4");
}

TEST(KeyedHashTest, DomainsAndKeysSeparate) {
  auto one = KeyedHash::Create("0123456789abcdef").value();
  auto two = KeyedHash::Create("0123456789abcdeF").value();
  EXPECT_EQ(one->Hash64(HashDomain::kBody, "x"), one->Hash64(HashDomain::kBody, "x"));
  EXPECT_NE(one->Hash64(HashDomain::kBody, "x"), one->Hash64(HashDomain::kPrefix, "x"));
  EXPECT_NE(one->Hash64(HashDomain::kBody, "x"), two->Hash64(HashDomain::kBody, "x"));
}

TEST(AddressTest, TextIsReadWithAndWithoutPort) {
  EXPECT_EQ(FormatAddress(*ParseAddress("10.0.0.1:80")), "10.0.0.1");
  EXPECT_EQ(FormatAddress(*ParseAddress("[fe80::1]:80")), "fe80::1");
  EXPECT_EQ(FormatAddress(*ParseAddress("::ffff:10.0.0.1")), "10.0.0.1");
  for (const char* bad : {"", "host", "10.0.0", "[", "[]", "1.2.3.4.5", "10.0.0.1/8"}) EXPECT_FALSE(ParseAddress(bad));
}

TEST(AddressTest, BlocksContainTheirOwnOnly) {
  const auto set = AddressSet::Parse({"10.16.0.0/12", "2001:db8::/33"}).value();
  EXPECT_TRUE(set.Contains(*ParseAddress("10.31.255.255")));
  EXPECT_FALSE(set.Contains(*ParseAddress("10.32.0.0")));
  EXPECT_TRUE(set.Contains(*ParseAddress("2001:db8:7fff::1")));
  EXPECT_FALSE(set.Contains(*ParseAddress("2001:db8:8000::1")));
}

TEST(PathTest, IsStrippedDecodedOnceAndCut) {
  EXPECT_EQ(NormalisePath("/v1/%63ompletions?api_key=secret", 256), "/v1/completions");
  EXPECT_EQ(NormalisePath("http://host:1/v1#frag", 256), "/v1");
  EXPECT_EQ(NormalisePath("/%2563", 256), "/%2563");
  EXPECT_EQ(NormalisePath("/a%00%0ab\x01\xff", 256), "/a%00%0ab%01%FF");
  EXPECT_EQ(NormalisePath("/a%2", 256), "/a%2");
  EXPECT_EQ(NormalisePath("/" + std::string(1000, 'a'), 256).size(), 256u);
}

TEST(ForwardedForTest, SeveralHeadersAreOneListAndGarbageEndsIt) {
  auto hash = KeyedHash::Create("0123456789abcdef").value();
  const auto trusted = AddressSet::Parse({"10.0.0.0/8"}).value();
  const auto client = [&](std::string_view headers) {
    Http1Head head;
    const std::string text = "GET / HTTP/1.1\r\n" + std::string(headers) + "\r\n";
    EXPECT_TRUE(ParseHead(text, head));
    return ClientIdentity(head, "10.0.0.1", {"x-api-key"}, trusted, *hash);
  };
  EXPECT_EQ(client("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 10.0.0.2\r\n"), "proxy:2.2.2.2");
  EXPECT_EQ(client("X-Forwarded-For: 1.1.1.1, unknown\r\n"), "addr:10.0.0.1");
  EXPECT_EQ(client("X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.3\r\n"), "proxy:10.0.0.3");
  EXPECT_EQ(client(""), "addr:10.0.0.1");
}

TEST(PromptTest, IsFoundInTheUsualBodies) {
  EXPECT_EQ(FindPrompt(R"({"model":"m","prompt":"hello","n":1})"), "hello");
  EXPECT_EQ(FindPrompt(R"({"input":["first","second"]})"), "first");
  EXPECT_EQ(FindPrompt(R"({"inputs":"a \"quoted\" word"})"), R"(a \"quoted\" word)");
  EXPECT_EQ(FindPrompt(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u1"},)"
                       R"({"role":"assistant","content":"a"},{"role":"user","content":"u2"}]})"),
            "u2");
  EXPECT_EQ(FindPrompt(R"({"messages":[{"content":"first","role":"user"}]})"), "first");
  EXPECT_EQ(FindPrompt(R"({"messages":[{"role":"user","content":[{"type":"text","text":"part"}]}]})"), "part");
}

TEST(PromptTest, ABodyThatStopsAnywhereGivesWhatIsThere) {
  EXPECT_EQ(FindPrompt(R"({"prompt":"hel)"), "hel");
  EXPECT_EQ(FindPrompt(R"({"prompt":"hel\)"), "hel\\");
  EXPECT_EQ(FindPrompt(R"({"prompt)"), "");
  EXPECT_EQ(FindPrompt("not json at all"), "");
  EXPECT_EQ(FindPrompt(""), "");
}

TEST(HeadTest, RequestLinesAreStrict) {
  Http1Head head;
  EXPECT_TRUE(ParseHead("GET / HTTP/1.0\n\n", head));
  for (const char* bad : {"GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", " GET / HTTP/1.1\r\n\r\n",
                          "G\tT / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\r\n"})
    EXPECT_FALSE(ParseHead(bad, head)) << bad;
}

}  // namespace
}  // namespace tensorwarden
