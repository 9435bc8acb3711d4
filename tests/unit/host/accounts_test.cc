// Names of users and groups that the host model was told.
#include "agent/host/accounts.h"

#include <gtest/gtest.h>

#include "agent/host/host_model.h"

namespace tensorwarden {
namespace {

TEST(AccountsTest, TheFirstNameOfANumberCountsAndALaterTellingReplacesAll) {
  Accounts accounts;
  EXPECT_FALSE(accounts.Known());
  accounts.Take({.users = {{0, "root"}, {0, "toor"}, {7, "eve"}}, .groups = {{7, "staff"}}});
  EXPECT_EQ(accounts.UserName(0), "root");
  EXPECT_EQ(accounts.UserName(7), "eve");
  EXPECT_EQ(accounts.GroupName(7), "staff");
  EXPECT_EQ(accounts.UserName(8), "");
  accounts.Take({.users = {{8, "mallory"}}});
  EXPECT_EQ(accounts.UserName(7), "");
  EXPECT_EQ(accounts.UserName(8), "mallory");
}

TEST(AccountsTest, AModelThatIsRestatedKnowsThemToo) {
  auto first = *HostModel::Create({});
  std::vector<HostEffect> effects;
  first->Apply({.body = AccountNames{.users = {{9, "z"}, {7, "eve"}}, .groups = {{7, "staff"}}}}, effects);
  auto second = *HostModel::Create({});
  for (const Event& event : first->Restate({})) second->Apply(event, effects);
  EXPECT_EQ(second->UserName(7), "eve");
  EXPECT_EQ(second->UserName(9), "z");
  EXPECT_EQ(second->GroupName(7), "staff");
}

}  // namespace
}  // namespace tensorwarden
