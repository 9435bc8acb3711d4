#include "agent/artifact/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/artifact/known_caches.h"

namespace tensorwarden {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GlobMatchTest, StarStaysInItsComponent) {
  EXPECT_TRUE(GlobMatch("/m/*.bin", "/m/a.bin"));
  EXPECT_FALSE(GlobMatch("/m/*.bin", "/m/x/a.bin"));
  EXPECT_FALSE(GlobMatch("/m/*", "/m"));
  EXPECT_TRUE(GlobMatch("/m/*", "/m/.hidden"));
}

TEST(GlobMatchTest, TwoStarsCrossComponentsOrNone) {
  EXPECT_TRUE(GlobMatch("/m/**", "/m/x/y/a.bin"));
  EXPECT_TRUE(GlobMatch("/m/**/a.bin", "/m/a.bin"));
  EXPECT_TRUE(GlobMatch("/m/**/y/*.bin", "/m/x/y/z/y/a.bin"));
  EXPECT_FALSE(GlobMatch("/m/**/y/*.bin", "/m/x/z/a.bin"));
  EXPECT_FALSE(GlobMatch("/m/**", "/models/a"));
}

TEST(GlobMatchTest, SetsQuestionMarksAndQuotes) {
  EXPECT_TRUE(GlobMatch("/m-[0-9][!a]?", "/m-1bc"));
  EXPECT_FALSE(GlobMatch("/m-[0-9][!a]?", "/m-1ac"));
  EXPECT_TRUE(GlobMatch("/a[]]b", "/a]b"));
  EXPECT_TRUE(GlobMatch("/a[b", "/a[b"));
  EXPECT_TRUE(GlobMatch("/a\\*", "/a*"));
  EXPECT_FALSE(GlobMatch("/a\\*", "/ab"));
}

TEST(GlobMatchTest, ManyStarsStayCheap) {
  std::string pattern = "/", path = "/" + std::string(5000, 'a');
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(GlobMatch(pattern + "b", path));
}

TEST(GlobMatchTest, TheFixedDirectoryEndsBeforeTheFirstWildcard) {
  EXPECT_EQ(FixedDirectory("/srv/models/**/*.pt"), "/srv/models");
  EXPECT_EQ(FixedDirectory("/srv/mod*"), "/srv");
  EXPECT_EQ(FixedDirectory("/*"), "/");
  EXPECT_EQ(FixedDirectory("/srv/a.pt"), "/srv");
}

class WalkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/tw-glob-XXXXXX";
    root_ = mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(root_); }
  void Touch(const std::string& path) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << "x";
  }
  std::vector<std::string> Walk(const std::string& pattern, size_t max_entries = 1000) {
    std::vector<std::string> found;
    result_ = WalkGlob(root_ + pattern, max_entries,
                       [&](const std::string& path) { found.push_back(path.substr(root_.size())); });
    return found;
  }
  std::string root_;
  WalkResult result_;
};

TEST_F(WalkTest, FindsWhatMatchesAndLooksNowhereElse) {
  Touch("/m/a.bin");
  Touch("/m/b.txt");
  Touch("/m/deep/c.bin");
  for (int i = 0; i < 20; ++i) Touch("/other/" + std::to_string(i));
  EXPECT_THAT(Walk("/m/*.bin"), ElementsAre("/m/a.bin"));
  EXPECT_EQ(result_.entries, 3u);
  EXPECT_THAT(Walk("/m/**/*.bin"), ElementsAre("/m/a.bin", "/m/deep/c.bin"));
  EXPECT_THAT(Walk("/m/**"), ElementsAre("/m/a.bin", "/m/b.txt", "/m/deep/c.bin"));
  EXPECT_THAT(Walk("/m/a.bin"), ElementsAre("/m/a.bin"));
  EXPECT_THAT(Walk("/none/*"), IsEmpty());
}

TEST_F(WalkTest, LinksToFilesCountAndLinksToDirectoriesMakeNoLoop) {
  Touch("/blobs/one");
  fs::create_directories(root_ + "/snapshots");
  fs::create_symlink("../blobs/one", root_ + "/snapshots/model.bin");
  fs::create_symlink("..", root_ + "/snapshots/up");
  EXPECT_THAT(Walk("/**"), ElementsAre("/blobs/one", "/snapshots/model.bin"));
  EXPECT_THAT(Walk("/snapshots/up/*/model.bin"), ElementsAre("/snapshots/up/snapshots/model.bin"));
}

TEST_F(WalkTest, TheBoundIsKeptAndSaid) {
  for (int i = 0; i < 50; ++i) Touch("/m/" + std::to_string(i));
  EXPECT_EQ(Walk("/**", 10).size(), 9u);
  EXPECT_TRUE(result_.truncated);
  EXPECT_EQ(result_.entries, 10u);
}

TEST_F(WalkTest, KnownCachesAreThoseThatExist) {
  Touch("/etc/passwd");
  std::ofstream(root_ + "/etc/passwd") << "ann:x:1:1:Ann:/home/ann:/bin/sh\nbroken\n:\n";
  Touch("/home/ann/.cache/huggingface/hub/x");
  Touch("/srv/models/x");
  const auto caches = KnownCaches(root_);
  EXPECT_THAT(caches, ::testing::IsSupersetOf({root_ + "/home/ann/.cache/huggingface/hub", root_ + "/srv/models"}));
}

}  // namespace
}  // namespace tensorwarden
