#include "agent/base/framed_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "agent/base/bytes.h"

namespace tensorwarden {
namespace {

class FramedPipeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto ends = MakeFramedPipe();
    ASSERT_TRUE(ends.ok()) << ends.status();
    here_ = std::move(ends->first);
    there_ = std::move(ends->second);
  }
  UniqueFd here_;
  UniqueFd there_;
};

TEST_F(FramedPipeTest, AFrameComesWholeWithItsFiles) {
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fds[] = {file.get(), file.get()};
  ASSERT_TRUE(SendFrame(here_.get(), 7, std::string("a\0b", 3), fds).ok());
  auto frame = ReceiveFrame(there_.get(), 1000);
  ASSERT_TRUE(frame.ok() && *frame) << frame.status();
  EXPECT_EQ((*frame)->id, 7u);
  EXPECT_EQ((*frame)->payload, std::string("a\0b", 3));
  ASSERT_EQ((*frame)->fds.size(), 2u);
  EXPECT_NE(fcntl((*frame)->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FramedPipeTest, NothingWaitingIsNoErrorAndAnEndIs) {
  auto frame = ReceiveFrame(there_.get(), 0);
  ASSERT_TRUE(frame.ok());
  EXPECT_FALSE(*frame);
  here_ = UniqueFd();
  EXPECT_TRUE(absl::IsOutOfRange(ReceiveFrame(there_.get(), 1000).status()));
  EXPECT_TRUE(absl::IsUnavailable(SendFrame(there_.get(), 1, "x", {})));
}

TEST_F(FramedPipeTest, BoundsHoldOnBothEnds) {
  const std::string big(kMaxPipeFrameBytes, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(SendFrame(here_.get(), 1, big, {})));
  const std::vector<int> many(kMaxPipeFrameFds + 1, here_.get());
  EXPECT_TRUE(absl::IsInvalidArgument(SendFrame(here_.get(), 1, "x", many)));
  const std::string forged = EncodePipeFrame(1, big);
  ASSERT_EQ(send(here_.get(), forged.data(), forged.size(), 0), static_cast<ssize_t>(forged.size()));
  EXPECT_TRUE(absl::IsDataLoss(ReceiveFrame(there_.get(), 1000).status()));
}

TEST_F(FramedPipeTest, OtherBytesAreRefused) {
  ASSERT_EQ(send(here_.get(), "hello", 5, 0), 5);
  EXPECT_TRUE(absl::IsDataLoss(ReceiveFrame(there_.get(), 1000).status()));
}

TEST_F(FramedPipeTest, AFullPipeIsSaidAndNotWaitedFor) {
  const std::string payload(32 << 10, 'x');
  absl::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = SendFrame(here_.get(), 1, payload, {});
  EXPECT_TRUE(absl::IsUnavailable(status));
}

TEST(ByteReaderTest, AfterTheFirstMisfitEverythingIsEmpty) {
  ByteWriter writer;
  writer.Number(300);
  writer.Text("abc");
  const std::string bytes = writer.Take();
  ByteReader good(bytes);
  EXPECT_EQ(good.Number(), 300u);
  EXPECT_EQ(good.Text(3), "abc");
  EXPECT_TRUE(good.Done());
  ByteReader small(bytes);
  EXPECT_EQ(small.NumberUpTo(299), 0u);
  EXPECT_EQ(small.Text(3), "");
  EXPECT_FALSE(small.ok());
  ByteReader cut(std::string_view(bytes).substr(0, bytes.size() - 1));
  cut.Number();
  EXPECT_EQ(cut.Text(3), "");
  EXPECT_FALSE(cut.ok());
}

}  // namespace
}  // namespace tensorwarden
