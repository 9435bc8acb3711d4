#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "agent/base/text_escape.h"
#include "agent/sink/encode_json.h"
#include "agent/sink/sinks.h"
#include "tests/unit/sink/alerts.h"

namespace tensorwarden {
namespace {

using ::testing::HasSubstr;

rapidjson::Document Parse(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(text.c_str(), text.size());
  EXPECT_FALSE(document.HasParseError()) << text;
  return document;
}

// "" when `json` fits the schema in `path`, else where it does not.
std::string Misfit(const std::string& path, const std::string& json) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  if (text.str().empty()) return path + " is missing; run from the top of the repository";
  const rapidjson::Document schema_text = Parse(text.str());
  const rapidjson::SchemaDocument schema(schema_text);
  rapidjson::SchemaValidator validator(schema);
  if (Parse(json).Accept(validator)) return "";
  rapidjson::StringBuffer where;
  validator.GetInvalidDocumentPointer().StringifyUriFragment(where);
  return std::string(where.GetString()) + " breaks " + validator.GetInvalidSchemaKeyword() + ": " + json;
}

constexpr const char* kOwnSchema = "docs/alert.schema.json";
constexpr const char* kFalcoSchema = "tests/data/falco/falco-alert.schema.json";

TEST(EncodeJsonTest, AFullAlertFitsThePublishedSchema) {
  EXPECT_EQ(Misfit(kOwnSchema, EncodeAlert(FullAlert(), AlertFormat::kJson)), "");
}

TEST(EncodeJsonTest, ABareAlertFitsThePublishedSchema) {
  Alert alert;
  alert.id = "0123456789abcdef";
  alert.activity = "open";
  alert.rule = "r";
  alert.summary = "s";
  EXPECT_EQ(Misfit(kOwnSchema, EncodeAlert(alert, AlertFormat::kJson)), "");
}

TEST(EncodeJsonTest, TheSchemaCheckOfThisTestSeesAnError) {
  Alert alert = FullAlert();
  alert.id = "short";
  EXPECT_THAT(Misfit(kOwnSchema, EncodeAlert(alert, AlertFormat::kJson)), HasSubstr("#/id breaks pattern"));
}

TEST(EncodeJsonTest, WhatOtherToolsDependOnIsAlwaysThere) {
  const rapidjson::Document json = Parse(EncodeAlert(Alert(), AlertFormat::kJson));
  for (const char* key : {"id", "time", "rule", "priority", "activity", "summary"}) {
    ASSERT_TRUE(json.HasMember(key)) << key;
    EXPECT_TRUE(json[key].IsString()) << key;
  }
  EXPECT_TRUE(json["output_fields"].IsObject());
}

TEST(EncodeJsonTest, EveryFactIsWhereTheDocumentationSaysItIs) {
  const rapidjson::Document json = Parse(EncodeAlert(FullAlert(), AlertFormat::kJson));
  EXPECT_STREQ(json["time"].GetString(), "2026-01-02T03:04:05.123456789Z");
  EXPECT_STREQ(json["priority"].GetString(), "Critical");
  EXPECT_STREQ(json["output_fields"]["asset.name"].GetString(), "llama");
  EXPECT_EQ(json["actor"]["process"]["pid"].GetUint(), 42u);
  EXPECT_STREQ(json["actor"]["ancestry"][0]["executable"].GetString(), "/bin/sh");
  EXPECT_STREQ(json["asset"]["path"].GetString(), "/srv/llama.gguf");
  EXPECT_DOUBLE_EQ(json["asset"]["share"].GetDouble(), 0.012);
  EXPECT_EQ(json["destination"]["port"].GetUint(), 443u);
  EXPECT_STREQ(json["destination"]["first_seen"].GetString(), "2026-01-02T03:04:00.000000000Z");
  EXPECT_DOUBLE_EQ(json["measure"]["value"].GetDouble(), 1 << 20);
  EXPECT_EQ(json["updates"].GetUint64(), 3u);
}

TEST(EncodeJsonTest, EvidenceIsStructuredAndLeavesOutWhatIsNotKnown) {
  const rapidjson::Document json = Parse(EncodeAlert(FullAlert(), AlertFormat::kJson));
  const rapidjson::Value& evidence = json["evidence"];
  EXPECT_STREQ(evidence["text"].GetString(), "1.0 MiB in 3 s");
  EXPECT_STREQ(evidence["stack"][0]["function"].GetString(), "send");
  EXPECT_STREQ(evidence["stack"][1]["module"].GetString(), "/usr/bin/app");
  EXPECT_FALSE(evidence["stack"][1].HasMember("function"));
  EXPECT_STREQ(evidence["stack"][2]["address"].GetString(), "0x10");
  EXPECT_EQ(evidence["stack"][2].MemberCount(), 1u);
  EXPECT_STREQ(evidence["descriptors"][0]["peer"].GetString(), "203.0.113.5:443");
  EXPECT_EQ(evidence["more_descriptors"].GetUint64(), 9u);
  EXPECT_STREQ(evidence["mappings"][0]["path"].GetString(), "/srv/llama.gguf");
}

TEST(EncodeFalcoTest, EvidenceIsTwoFieldsOfText) {
  const rapidjson::Document json = Parse(EncodeAlert(FullAlert(), AlertFormat::kFalco));
  EXPECT_STREQ(json["output_fields"]["alert.stack"].GetString(), "send+0x14 (libc.so.6) < app+0x10 < 0x10");
  EXPECT_STREQ(json["output_fields"]["alert.descriptors"].GetString(),
               "3 tcp 10.0.0.1:5000 > 203.0.113.5:443; 4 file /srv/llama.gguf; 5 eventfd; 9 more");
}

TEST(EncodeJsonTest, AFieldNamedTwiceIsOneMember) {
  Alert alert = FullAlert();
  alert.output_fields = {{"a", "1"}, {"a", "2"}};
  const rapidjson::Document json = Parse(EncodeAlert(alert, AlertFormat::kJson));
  EXPECT_EQ(json["output_fields"].MemberCount(), 1u);
  EXPECT_STREQ(json["output_fields"]["a"].GetString(), "1");
}

TEST(EncodeJsonTest, NumbersThatJsonLacksBecomeZero) {
  Alert alert = FullAlert();
  alert.value = std::numeric_limits<double>::quiet_NaN();
  alert.threshold = std::numeric_limits<double>::infinity();
  const rapidjson::Document json = Parse(EncodeAlert(alert, AlertFormat::kJson));
  EXPECT_EQ(json["measure"]["value"].GetDouble(), 0);
}

TEST(EncodeJsonTest, HostilePathsStayOneLineOfValidJson) {
  Alert alert = FullAlert();
  alert.asset_path = std::string("/a\xff\xc0\xaf\n\x1b[2J\0z\"\\", 15);
  alert.process.command_line = "\xed\xa0\x80 \xf4\x90\x80\x80 caf\xc3\xa9";
  alert.output_fields = {{"k\xfe", "\x80"}};
  for (const AlertFormat format : {AlertFormat::kJson, AlertFormat::kFalco}) {
    const std::string line = EncodeAlert(alert, format);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    Parse(line);
  }
  const rapidjson::Document json = Parse(EncodeAlert(alert, AlertFormat::kJson));
  EXPECT_THAT(json["asset"]["path"].GetString(), HasSubstr("/a\\xff\\xc0\\xaf\n"));
  EXPECT_THAT(json["actor"]["process"]["command_line"].GetString(), HasSubstr("caf\xc3\xa9"));
}

TEST(EncodeFalcoTest, EveryAlertIsWhatFalcosidekickAccepts) {
  EXPECT_EQ(Misfit(kFalcoSchema, EncodeAlert(FullAlert(), AlertFormat::kFalco)), "");
  for (int priority = 0; priority <= static_cast<int>(Priority::kDebug); ++priority) {
    Alert bare;
    bare.rule = "r";
    bare.priority = static_cast<Priority>(priority);
    EXPECT_EQ(Misfit(kFalcoSchema, EncodeAlert(bare, AlertFormat::kFalco)), "");
  }
}

TEST(EncodeFalcoTest, OutputStartsWithTimeAndPriorityAsFalcosDoes) {
  const rapidjson::Document json = Parse(EncodeAlert(FullAlert(), AlertFormat::kFalco));
  EXPECT_STREQ(json["output"].GetString(), "2026-01-02T03:04:05.123456789Z: Critical Weights left (process=curl)");
  EXPECT_STREQ(json["output_fields"]["alert.id"].GetString(), "0123456789abcdef");
}

TEST(EncodeFalcoTest, ARulesOutputCannotReplaceTheAlertsId) {
  Alert alert = FullAlert();
  alert.output_fields = {{"alert.id", "forged"}};
  const rapidjson::Document json = Parse(EncodeAlert(alert, AlertFormat::kFalco));
  EXPECT_STREQ(json["output_fields"]["alert.id"].GetString(), "0123456789abcdef");
}

TEST(EncodeFalcoTest, EachMessageHasItsOwnUuidAndTheSameOneAgain) {
  Alert alert = FullAlert();
  const std::string first = Parse(EncodeAlert(alert, AlertFormat::kFalco))["uuid"].GetString();
  EXPECT_EQ(first, Parse(EncodeAlert(alert, AlertFormat::kFalco))["uuid"].GetString());
  alert.updates++;
  EXPECT_NE(first, Parse(EncodeAlert(alert, AlertFormat::kFalco))["uuid"].GetString());
  EXPECT_THAT(first, ::testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-8[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(first.size(), 36u);
}

TEST(EncodeTextTest, OneReadableLineSaysTheEssentials) {
  const std::string line = EncodeAlert(FullAlert(), AlertFormat::kText);
  EXPECT_EQ(line,
            "2026-01-02T03:04:05.123456789Z Critical Weights leave the host [open 1%] curl (pid 42, uid 1000) sent 1.0 "
            "MiB of llama (1.2%) to 203.0.113.5:443. (1.0 MiB in 3 s) (call: send+0x14 (libc.so.6) < app+0x10 < 0x10; "
            "12 open files) id=0123456789abcdef");
}

TEST(EncodeTextTest, ATerminalCannotBeSteeredByAnAlert) {
  Alert alert = FullAlert();
  alert.summary =
      "a\n\x1b]0;x\a\xc2\x9b"
      "31m\xe2\x80\xaetxt\xff";
  const std::string line = EncodeAlert(alert, AlertFormat::kText);
  EXPECT_THAT(line, HasSubstr("a\\x0a\\x1b]0;x\\x07\\u{9b}31m\\u{202e}txt\\xff"));
}

TEST(TextEscapeTest, WhatIsFineIsLeftAlone) {
  const std::string fine = "/srv/mod\xc3\xa8le/\xe6\xa8\xa1\xe5\x9e\x8b \xf0\x9f\xa4\x96 'a\\b'";
  EXPECT_EQ(ToUtf8(fine), fine);
  EXPECT_EQ(ToPrintable(fine), fine);
}

TEST(TextEscapeTest, OverlongFormsSurrogatesAndStumpsAreBytes) {
  EXPECT_EQ(ToUtf8("\xc0\x80"), "\\xc0\\x80");
  EXPECT_EQ(ToUtf8("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(ToUtf8("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
  EXPECT_EQ(ToUtf8("x\xe2\x82"), "x\\xe2\\x82");
}

}  // namespace
}  // namespace tensorwarden
