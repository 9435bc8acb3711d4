#include "agent/sensor/mount_names.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

constexpr ProcessKey kWriter{.tgid = 77, .start_ns = 1};
constexpr uint64_t kSecond = 1'000'000'000;

class MountNamesTest : public ::testing::Test {
 protected:
  MountNamesTest() {
    std::string pattern = "/var/tmp/tensorwarden-mounts-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    proc_ = pattern;
  }
  ~MountNamesTest() override { std::filesystem::remove_all(proc_); }

  void Table(const std::string& process, const std::string& lines) const {
    std::filesystem::create_directories(proc_ + "/" + process);
    std::ofstream(proc_ + "/" + process + "/mountinfo") << lines;
  }
  static Egress To(uint64_t device) {
    Egress egress;
    egress.socket.family = EVENT_FAMILY_MOUNT;
    egress.socket.peer_address = "device 0:45";
    egress.cookie = EVENT_MOUNT_COOKIE | device;
    return egress;
  }
  static std::string Peer(MountNames& names, uint64_t now_ns, Egress egress = To(45)) {
    names.Complete(kWriter, now_ns, egress);
    return egress.socket.peer_address + "|" + egress.socket.local_address;
  }
  std::string proc_;
};

TEST_F(MountNamesTest, TheWritersOwnNamespaceIsAskedFirst) {
  Table("77", "40 1 0:45 / /mnt rw - nfs4 nas:/secret rw\n");
  Table("self", "41 1 0:45 / /other rw - nfs4 nas:/ours rw\n");
  MountNames names(proc_);
  EXPECT_EQ(Peer(names, kSecond), "nas:/secret|nfs4");
}

TEST_F(MountNamesTest, AWriterThatIsGoneIsNoReasonNotToKnow) {
  Table("self", "40 1 0:45 / /mnt rw - cifs //nas/share rw\n");
  MountNames names(proc_);
  EXPECT_EQ(Peer(names, kSecond), "//nas/share|cifs");
}

TEST_F(MountNamesTest, WhatNobodySeesIsNamedByItsDeviceOrItsLastName) {
  MountNames names(proc_);
  EXPECT_EQ(Peer(names, kSecond), "device 0:45|");
  Table("77", "40 1 0:45 / /mnt rw - fuse.sshfs host:/x rw\n");
  EXPECT_EQ(Peer(names, 12 * kSecond), "host:/x|fuse.sshfs");
  Table("77", "");
  EXPECT_EQ(Peer(names, 30 * kSecond), "host:/x|fuse.sshfs");
}

TEST_F(MountNamesTest, ANumberThatIsGivenOutAgainGetsItsNewName) {
  Table("77", "40 1 0:45 / /mnt rw - nfs4 nas:/a rw\n");
  MountNames names(proc_);
  EXPECT_EQ(Peer(names, kSecond), "nas:/a|nfs4");
  Table("77", "40 1 0:45 / /mnt rw - nfs4 nas:/b rw\n");
  EXPECT_EQ(Peer(names, 12 * kSecond), "nas:/b|nfs4");
}

TEST_F(MountNamesTest, SocketsKeepTheirAddresses) {
  Table("77", "40 1 0:45 / /mnt rw - nfs4 nas:/a rw\n");
  MountNames names(proc_);
  Egress egress;
  egress.socket.family = 2;
  egress.socket.peer_address = "192.0.2.1";
  egress.cookie = 45;
  EXPECT_EQ(Peer(names, kSecond, egress), "192.0.2.1|");
}

}  // namespace
}  // namespace tensorwarden
