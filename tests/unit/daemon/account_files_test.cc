// Names of users and groups from the host's files.
#include "agent/daemon/account_files.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace tensorwarden {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ParseAccountsTest, TakesNameAndNumberAndLeavesOutWhatIsNone) {
  const std::vector<AccountName> accounts = ParseAccounts(
      "root:x:0:0:root:/root:/bin/sh\n# a comment:x:1\n\n+nis::::::\n-::::\nno number:x:1\nbad:x:12a:0\nneg:x:-1:0\n"
      "big:x:4294967296:0\n:x:7:0\nalice:x:1000:1000:Alice:/home/alice:/bin/bash");
  ASSERT_THAT(accounts, SizeIs(2));
  EXPECT_EQ(accounts[0].name, "root");
  EXPECT_EQ(accounts[0].id, 0u);
  EXPECT_EQ(accounts[1].name, "alice");
  EXPECT_EQ(accounts[1].id, 1000u);
}

TEST(ParseAccountsTest, IsBounded) {
  EXPECT_THAT(ParseAccounts(std::string(300, 'a') + ":x:1:\n"), IsEmpty());
  std::string many;
  for (int i = 0; i < 70'000; ++i) many += "u:x:" + std::to_string(i) + ":\n";
  EXPECT_THAT(ParseAccounts(many), SizeIs(65536));
}

class AccountFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "account_files_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Put(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }

  std::string folder_;
};

TEST_F(AccountFilesTest, NamesAreTakenOnceAndAgainWhenAFileChanged) {
  Put("passwd", "alice:x:1000:1000::/:/bin/sh\n");
  Put("group", "staff:x:50:alice\n");
  AccountFiles files(folder_);
  const auto first = files.Changed();
  ASSERT_TRUE(first.has_value());
  ASSERT_THAT(first->users, SizeIs(1));
  ASSERT_THAT(first->groups, SizeIs(1));
  EXPECT_EQ(first->groups[0].name, "staff");
  EXPECT_FALSE(files.Changed().has_value());
  Put("passwd.new", "alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n");
  std::filesystem::rename(folder_ + "/passwd.new", folder_ + "/passwd");  // as useradd does
  const auto second = files.Changed();
  ASSERT_TRUE(second.has_value());
  EXPECT_THAT(second->users, SizeIs(2));
}

TEST_F(AccountFilesTest, WithoutFilesThereAreNoNames) {
  AccountFiles files(folder_);
  const auto names = files.Changed();
  ASSERT_TRUE(names.has_value());
  EXPECT_THAT(names->users, IsEmpty());
  EXPECT_FALSE(files.Changed().has_value());
}

}  // namespace
}  // namespace tensorwarden
