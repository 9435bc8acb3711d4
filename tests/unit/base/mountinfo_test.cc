#include "agent/base/mountinfo.h"

#include <gtest/gtest.h>

namespace tensorwarden {
namespace {

TEST(MountinfoTest, OptionalFieldsAreSkippedAndEscapesUndone) {
  const std::vector<Mount> mounts = ParseMountinfo(
      "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw\n"
      "37 35 0:40 / /dev/shm rw - tmpfs tmpfs rw\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].id, 36);
  EXPECT_EQ(mounts[0].device, uint64_t{98} << 20);
  EXPECT_EQ(mounts[1].device, 40u);
  EXPECT_EQ(mounts[0].root, "/mnt1");
  EXPECT_EQ(mounts[0].point, "/mnt 2");
  EXPECT_EQ(mounts[0].type, "ext3");
  EXPECT_EQ(mounts[0].source, "/dev/root");
  EXPECT_EQ(mounts[1].point, "/dev/shm");
}

TEST(MountinfoTest, OptionsAreFoundByTheirWholeName) {
  const std::vector<Mount> mounts =
      ParseMountinfo("50 35 0:41 / /m rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/with\\054comma,index=off\n");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].Option("upperdir"), "/with,comma");
  EXPECT_EQ(mounts[0].Option("upper"), "");
  EXPECT_EQ(mounts[0].Option("rw"), "");
}

TEST(MountinfoTest, BrokenLinesAreLeftOut) {
  EXPECT_TRUE(ParseMountinfo("").empty());
  EXPECT_TRUE(ParseMountinfo("x y z\n36 35 98:0 / /a rw\n- - - - - - -\n36 35 98:0 / /a rw - ext4\n").empty());
  EXPECT_EQ(ParseMountinfo("1 2 3:4 / /a\\9\\04 rw - t s rw")[0].point, "/a\\9\\04");
}

}  // namespace
}  // namespace tensorwarden
