#include "agent/author/fields_page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace tensorwarden::author {
namespace {

// Programs run from the repository's root, as `make` does.
TEST(FieldsPageTest, ThePageIsThatOfTheTable) {
  std::ifstream stream("docs/fields.md");
  const std::string page((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(page == FieldsPage()) << "docs/fields.md is not up to date: run `make docs`";
}

TEST(FieldsPageTest, ValuesAreListedWhereAllAreKnown) {
  EXPECT_EQ(FieldDoc(*FindField("finding.kind")), "Detector. Values: egress, integrity, extraction, self.");
  EXPECT_TRUE(FieldDoc(*FindField("asset.class")).starts_with("What it is. Usual values: model, "));
  EXPECT_EQ(FieldDoc(*FindField("proc.name")), FindField("proc.name")->doc);
}

TEST(FieldsPageTest, KindsAreNamedTheShorterWay) {
  EXPECT_EQ(KindsText(*FindField("evt.type")), "any");
  EXPECT_EQ(KindsText(*FindField("gpu.access")), "device_open");
  EXPECT_EQ(KindsText(*FindField("proc.tty")), "never");
}

}  // namespace
}  // namespace tensorwarden::author
