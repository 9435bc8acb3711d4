#include "agent/daemon/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

namespace tensorwarden {
namespace {

constexpr int kPatienceMs = 20'000;

class DiscoveryTest : public ::testing::Test {
 protected:
  DiscoveryTest() {
    char name[] = "/tmp/discovery.XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/weights.bin";
    DiscoveryConfig config{.discover = false, .max_queue = 4};
    config.assets = {{.name = "weights", .paths = {directory_ + "/*.bin"}}};
    discovery_ = std::make_unique<Discovery>(std::move(config));
  }
  ~DiscoveryTest() override {
    discovery_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Append(size_t bytes) { std::ofstream(path_, std::ios::app) << std::string(bytes, 'x'); }
  // The size of the next find; 0 when none comes.
  uint64_t NextSize() {
    for (;;) {
      pollfd ready{.fd = discovery_->ReadyFd(), .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, kPatienceMs) <= 0) return 0;
      for (const Found& found : discovery_->Take()) return found.asset.size;
    }
  }

  std::string directory_, path_;
  std::unique_ptr<Discovery> discovery_;
};

TEST_F(DiscoveryTest, AnAssetThatIsWrittenOnIsFoundAgainWithItsNewSize) {
  Append(1000);
  discovery_->Examine(path_);
  EXPECT_EQ(NextSize(), 1000u);
  Append(5000);
  discovery_->Examine(path_);
  EXPECT_EQ(NextSize(), 6000u);
}

TEST_F(DiscoveryTest, ManyRequestsForOneFileAreOneInTheQueue) {
  Append(1000);
  for (int i = 0; i < 1000; ++i) discovery_->Examine(path_);
  EXPECT_EQ(NextSize(), 1000u);
  EXPECT_EQ(discovery_->dropped(), 0u);
}

TEST_F(DiscoveryTest, APathThatWentIsForgottenAndCanComeAgain) {
  discovery_->Examine(path_);
  for (int i = 0; i < 3; ++i) discovery_->Examine(directory_ + "/none" + std::to_string(i));
  Append(1000);
  discovery_->Examine(path_);
  EXPECT_EQ(NextSize(), 1000u);
}

}  // namespace
}  // namespace tensorwarden
