#include "agent/rules/condition/literal.h"

#include <gtest/gtest.h>

namespace tensorwarden::rules {
namespace {

TEST(NumberTest, UnitsScaleToSharesBytesAndSeconds) {
  EXPECT_EQ(ParseNumber("12"), 12);
  EXPECT_EQ(ParseNumber("-0.5"), -0.5);
  EXPECT_EQ(ParseNumber("+1e3"), 1000);
  EXPECT_EQ(ParseNumber("0x1F"), 31);
  EXPECT_EQ(ParseNumber("1%"), 0.01);
  EXPECT_EQ(ParseNumber("64MiB"), 64.0 * 1024 * 1024);
  EXPECT_EQ(ParseNumber("10MB"), 1e7);
  EXPECT_EQ(ParseNumber("5m"), 300);
  EXPECT_EQ(ParseNumber("250ms"), 0.25);
  EXPECT_EQ(ParseNumber("7d"), 7.0 * 86400);
}

TEST(NumberTest, WhatIsNoNumberIsRefused) {
  for (const char* text : {"", "-", "x", "1x", "0x", "0xg", "1 %", "%", "inf", "nan", "1e999", "--1", "1_000"}) {
    EXPECT_FALSE(ParseNumber(text)) << text;
  }
}

struct GlobCase {
  const char* pattern;
  const char* text;
  bool matches;
};

TEST(GlobTest, MatchesWholeTexts) {
  for (const GlobCase& c : std::vector<GlobCase>{{"", "", true},
                                                 {"*", "", true},
                                                 {"*", "a/b", true},
                                                 {"a*c", "abbc", true},
                                                 {"a*c", "abbd", false},
                                                 {"a?c", "abc", true},
                                                 {"a?c", "ac", false},
                                                 {"[a-c]x", "bx", true},
                                                 {"[!a-c]x", "bx", false},
                                                 {"[!a-c]x", "dx", true},
                                                 {"[", "[", true},
                                                 {"[!]", "[!]", true},
                                                 {"\\*", "*", true},
                                                 {"\\*", "a", false},
                                                 {"*.bin", "/srv/m.bin", true},
                                                 {"*a*a*a*b", "aaaaaaaaaaaaaaaa", false}}) {
    EXPECT_EQ(GlobMatch(c.pattern, c.text), c.matches) << c.pattern << " " << c.text;
  }
}

TEST(PathTest, BelowMeansWholeComponents) {
  EXPECT_TRUE(PathBelow("/srv/models/x", "/srv/models"));
  EXPECT_TRUE(PathBelow("/srv/models", "/srv/models/"));
  EXPECT_FALSE(PathBelow("/srv/models2", "/srv/models"));
  EXPECT_TRUE(PathBelow("/x", "/"));
}

}  // namespace
}  // namespace tensorwarden::rules
