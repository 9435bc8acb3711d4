#include "agent/event/dns_question.h"

#include <gtest/gtest.h>

#include <string_view>

namespace tensorwarden {
namespace {

using namespace std::string_literals;

DnsQuestion Parse(std::string_view message) {
  return ParseDnsQuestion({reinterpret_cast<const uint8_t*>(message.data()), message.size()});
}

// A query of one question; `name` as on the wire, with its last zero.
std::string Message(std::string_view name, uint16_t type = 1) {
  std::string message = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s;
  message += name;
  message += {static_cast<char>(type >> 8), static_cast<char>(type), 0, 1};
  return message;
}

std::string Label(size_t length, char byte = 'a') { return static_cast<char>(length) + std::string(length, byte); }

TEST(DnsQuestionTest, NameIsLowerCaseAndTypeIsANumber) {
  const DnsQuestion question = Parse(Message("\3WwW\7example\0"s, 28));
  EXPECT_EQ(question.name, "www.example");
  EXPECT_EQ(question.type, 28);
  EXPECT_FALSE(question.malformed);
}

TEST(DnsQuestionTest, TheRootHasAName) { EXPECT_EQ(Parse(Message("\0"s, 2)).name, "."); }

TEST(DnsQuestionTest, BytesThatWouldMisleadAReaderAreEscaped) {
  EXPECT_EQ(Parse(Message("\6a.b\\ \n\2\xff~\0"s)).name, R"(a\.b\\\032\010.\255~)");
}

TEST(DnsQuestionTest, WhatComesBehindTheQuestionIsNotLookedAt) {
  EXPECT_EQ(Parse(Message("\1a\0"s) + "\xc0\x0c").name, "a");
}

TEST(DnsQuestionTest, TheLongestNameFits) {
  const std::string name = Label(63) + Label(63) + Label(63) + Label(61) + '\0';
  ASSERT_EQ(name.size(), 255u);
  const DnsQuestion question = Parse(Message(name));
  EXPECT_EQ(question.name.size(), kMaxDnsName);
  EXPECT_FALSE(question.malformed);
}

TEST(DnsQuestionTest, ALongNameInEscapesKeepsItsEndAndNoPartOfAnEscape) {
  const DnsQuestion question = Parse(Message(Label(63, '\1') + Label(63, '.') + "\4mole\0"s));
  EXPECT_EQ(question.name.size(), 252u) << "one more would be a part of an escape";
  EXPECT_TRUE(question.name.starts_with("\\001\\001"));
  EXPECT_TRUE(question.name.ends_with("\\.\\..mole"));
}

TEST(DnsQuestionTest, AnswersAndSeveralQuestionsAreMarkedButNamed) {
  std::string message = Message("\1a\0"s);
  message[2] = '\x81';
  EXPECT_EQ(Parse(message).name, "a");
  EXPECT_TRUE(Parse(message).malformed) << "an answer";
  message = Message("\1a\0"s);
  message[5] = 2;
  EXPECT_EQ(Parse(message).name, "a");
  EXPECT_TRUE(Parse(message).malformed) << "two questions";
}

struct BadCase {
  const char* name;
  std::string message;
};

class DnsQuestionBadTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(DnsQuestionBadTest, HasNoNameAndIsMalformed) {
  const DnsQuestion question = Parse(GetParam().message);
  EXPECT_EQ(question.name, "");
  EXPECT_EQ(question.type, 0);
  EXPECT_TRUE(question.malformed);
}

INSTANTIATE_TEST_SUITE_P(Messages, DnsQuestionBadTest,
                         ::testing::ValuesIn(std::vector<BadCase>{
                             {"Empty", ""},
                             {"HeaderOnly", Message("").substr(0, 12)},
                             {"NoQuestion",
                              "\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x61\x00\x00\x01\x00\x01"s},
                             {"Pointer", Message("\xc0\x0c"s)},
                             {"PointerAfterALabel", Message("\1a\xc0\x0c"s)},
                             {"ReservedLength", Message("\x40"s + std::string(64, 'a') + '\0')},
                             {"LabelPastTheEnd", Message("\x3f"s)},
                             {"NoEnd", Message("").substr(0, 12) + "\1a"},
                             {"TooLong", Message(Label(63) + Label(63) + Label(63) + Label(62) + '\0')},
                             {"NoClass", Message("\1a\0"s).substr(0, 17)},
                         }),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tensorwarden
