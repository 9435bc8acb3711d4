#include "agent/enrich/field_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/enrich/field_table.h"

namespace tensorwarden {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(FieldValuesTest, TheyComeFromWhatFillsTheFields) {
  EXPECT_THAT(KnownValues("proc.role")->known,
              ElementsAre("none", "inference", "training", "pipeline", "registry", "notebook", "admin"));
  EXPECT_THAT(KnownValues("evt.op")->known, Contains("module_load"));
  EXPECT_THAT(KnownValues("gpu.use")->known, Contains("write_process"));
  EXPECT_THAT(KnownValues("gpu.family")->known, Contains("nvidia-uvm"));
  EXPECT_TRUE(KnownValues("asset.class")->open);
  EXPECT_EQ(KnownValues("proc.name"), nullptr);
}

TEST(FieldValuesTest, EveryFieldOfTheTableWithValuesIsAText) {
  size_t with_values = 0;
  for (const FieldSpec& field : FieldTable()) {
    if (KnownValues(field.name) == nullptr) continue;
    ++with_values;
    EXPECT_EQ(field.type, FieldType::kString) << field.name;
  }
  EXPECT_EQ(with_values, 17u);  // no row of it names a field that is not there
}

}  // namespace
}  // namespace tensorwarden
