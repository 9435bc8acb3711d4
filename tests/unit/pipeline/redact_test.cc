#include "agent/pipeline/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorwarden {
namespace {

using ::testing::ElementsAreArray;

struct RedactCase {
  const char* name;
  std::vector<std::string> args;
  std::vector<std::string> want;
};

class RedactArgumentsTest : public ::testing::TestWithParam<RedactCase> {};

TEST_P(RedactArgumentsTest, GivesTheArgumentsWithoutSecrets) {
  std::vector<std::string> args = GetParam().args;
  RedactArguments(args);
  EXPECT_THAT(args, ElementsAreArray(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(
    All, RedactArgumentsTest,
    ::testing::ValuesIn(std::vector<RedactCase>{
        {"OptionAndValue",
         {"vllm", "--api-key", "s3cret", "--port", "80"},
         {"vllm", "--api-key", "***", "--port", "80"}},
        {"OptionEqualsValue", {"x", "--token=abc"}, {"x", "--token=***"}},
        {"Variable", {"env", "DB_PASSWORD=hunter2", "sh"}, {"env", "DB_PASSWORD=***", "sh"}},
        {"Header", {"curl", "-H", "Authorization: Bearer abc.def"}, {"curl", "-H", "Authorization: Bearer ***"}},
        {"UrlCredentials", {"git", "clone", "https://me:pw@host/x"}, {"git", "clone", "https://me:***@host/x"}},
        {"HuggingFaceToken", {"x", "hf_ABCDEFGHIJKLMNOPQRST"}, {"x", "***"}},
        {"PlainArgumentsStay",
         {"curl", "-T", "model.pt", "http://10.0.0.1/up"},
         {"curl", "-T", "model.pt", "http://10.0.0.1/up"}},
        {"TokenizerIsNoToken", {"x", "--tokenizer", "gpt2"}, {"x", "--tokenizer", "gpt2"}},
        {"TrailingOptionWithoutValue", {"x", "--password"}, {"x", "--password"}},
    }),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tensorwarden
