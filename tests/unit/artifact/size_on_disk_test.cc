#include "agent/artifact/size_on_disk.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace tensorwarden {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class SizeOnDiskTest : public ::testing::Test {
 protected:
  ~SizeOnDiskTest() override { close(fd_); }

  void Truncate(uint64_t size) { ASSERT_EQ(ftruncate(fd_, static_cast<off_t>(size)), 0); }
  void Write(uint64_t at, uint64_t bytes) {
    const std::string text(bytes, 'x');
    ASSERT_EQ(pwrite(fd_, text.data(), bytes, static_cast<off_t>(at)), static_cast<ssize_t>(bytes));
  }
  struct stat Stat() const {
    struct stat st {};
    EXPECT_EQ(fstat(fd_, &st), 0);
    return st;
  }
  uint64_t Size() const { return SizeOnDisk(fd_, Stat()); }

  int fd_ = memfd_create("size_on_disk", MFD_CLOEXEC);
};

TEST_F(SizeOnDiskTest, AFullFileIsAsLongAsItIs) {
  Write(0, kMiB + 5);
  EXPECT_EQ(Size(), kMiB + 5);
}

TEST_F(SizeOnDiskTest, AFileThatIsMostlyAHoleCountsByItsData) {
  Write(0, kMiB);
  Truncate(uint64_t{1} << 40);
  EXPECT_EQ(Size(), kMiB);
  Write(uint64_t{1} << 39, kMiB);
  EXPECT_EQ(Size(), 2 * kMiB);
}

TEST_F(SizeOnDiskTest, AFileOfWhichHalfIsThereCountsWhole) {
  Write(0, kMiB);
  Truncate(2 * kMiB);
  EXPECT_EQ(Size(), 2 * kMiB);
}

TEST_F(SizeOnDiskTest, NothingButAHoleCountsAPage) {
  Truncate(kMiB);
  EXPECT_EQ(Size(), 4096u);
  Truncate(100);
  EXPECT_EQ(Size(), 100u);
}

TEST_F(SizeOnDiskTest, AFileSystemThatTellsNoBlocksOrCompressesIsBelievedAboutItsHoles) {
  Write(0, kMiB);
  struct stat st = Stat();
  st.st_blocks = 0;
  EXPECT_EQ(SizeOnDisk(fd_, st), kMiB);
}

TEST_F(SizeOnDiskTest, AFileInTooManyPiecesCountsByItsBlocks) {
  for (uint64_t i = 0; i < 5000; ++i) Write(i * 16384, 1);
  EXPECT_EQ(Size(), 5000u * 4096);
}

}  // namespace
}  // namespace tensorwarden
