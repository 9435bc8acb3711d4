// What a look at directories makes of hints. On a real file system, with hints that the test gives.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/base/unique_fd.h"
#include "agent/sensor/directory_listing.h"
#include "agent/sensor/name_book.h"
#include "agent/sensor/name_scans.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr ProcessKey kThief{.tgid = 77, .start_ns = 5};
constexpr ProcessKey kOther{.tgid = 78, .start_ns = 6};

absl::StatusOr<FileKey> KeyOf(int fd) {
  struct stat st {};
  if (fstat(fd, &st) != 0) return absl::ErrnoToStatus(errno, "fstat");
  return FileKey{.dev = st.st_dev, .ino = st.st_ino, .generation = 0};
}

class NamesTest : public ::testing::Test {
 protected:
  NamesTest() : book_(KeyOf), scans_(book_, [this](const FileKey&) { return registered_; }) {
    std::string pattern = "/var/tmp/tensorwarden-names-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~NamesTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Make(const std::string& name) const {
    std::ofstream(Path(name)) << name;
    return Path(name);
  }
  FileKey Watch(const std::string& path) {
    const FileKey file = book_.KeyAt(path);
    book_.Add(file, path);
    EXPECT_TRUE(scans_.Watch(file, path).ok());
    return file;
  }
  void HintAt(const FileKey& inode, bool directory, uint32_t op, const ProcessKey& who = kThief) {
    Event event;
    event.origin.process = who;
    event.body = NameHint{.inode = inode, .directory = directory, .op = op};
    scans_.Take(std::move(event));
  }
  void HintAtFolder(uint32_t op, const ProcessKey& who = kThief) { HintAt(book_.KeyAt(folder_), true, op, who); }
  std::vector<FileName> Look(uint64_t now_ns = ~uint64_t{0}) {
    events_.clear();
    scans_.Drain(now_ns, events_);
    std::vector<FileName> names;
    for (const Event& event : events_) names.push_back(std::get<FileName>(event.body));
    return names;
  }

  absl::Status registered_;
  NameBook book_;
  NameScans scans_;
  std::string folder_;
  std::vector<Event> events_;
};

TEST_F(NamesTest, RenameOverNamesBothAndTheActor) {
  const std::string strange = Make("strange");
  const FileKey file = Watch(Make("model"));
  const FileKey stranger = book_.KeyAt(strange);
  ASSERT_EQ(rename(strange.c_str(), Path("model").c_str()), 0);
  HintAtFolder(EVENT_NAME_CREATE, kOther);
  HintAt(file, false, EVENT_NAME_RENAME);
  HintAtFolder(EVENT_NAME_RENAME);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(names[0].op, EVENT_NAME_RENAME);
  EXPECT_EQ(names[0].file, stranger);
  EXPECT_EQ(names[0].replaced, file);
  EXPECT_EQ(names[0].path, Path("model"));
  EXPECT_EQ(names[0].old_path, strange);
  EXPECT_EQ(events_[0].origin.process, kThief);
}

TEST_F(NamesTest, RenameOutOfSightOverAnAssetIsAReplacement) {
  const FileKey file = Watch(Make("model"));
  std::filesystem::create_directory(Path("aside"));
  const std::string strange = Make("aside/strange");
  ASSERT_EQ(rename(strange.c_str(), Path("model").c_str()), 0);
  HintAtFolder(EVENT_NAME_RENAME);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(names[0].replaced, file);
  EXPECT_EQ(names[0].old_path, "");
}

TEST_F(NamesTest, BirthIsACreationByWhoCreated) {
  Watch(Make("model"));
  Make("born");
  HintAtFolder(EVENT_NAME_UNLINK, kOther);
  HintAtFolder(EVENT_NAME_CREATE);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(names[0].op, EVENT_NAME_CREATE);
  EXPECT_EQ(names[0].path, Path("born"));
  EXPECT_EQ(events_[0].origin.process, kThief);
}

TEST_F(NamesTest, UnlinkOfAnAssetIsToldAndOfAStrangerIsNot) {
  const std::string strange = Make("strange");
  const FileKey file = Watch(Make("model"));
  unlink(strange.c_str());
  unlink(Path("model").c_str());
  HintAtFolder(EVENT_NAME_UNLINK);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(names[0].op, EVENT_NAME_UNLINK);
  EXPECT_EQ(names[0].file, file);
}

TEST_F(NamesTest, SecondNameIsALink) {
  const FileKey file = Watch(Make("model"));
  ASSERT_EQ(link(Path("model").c_str(), Path("second").c_str()), 0);
  HintAtFolder(EVENT_NAME_LINK);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(names[0].op, EVENT_NAME_LINK);
  EXPECT_EQ(names[0].file, file);
  EXPECT_EQ(names[0].path, Path("second"));
}

TEST_F(NamesTest, ExchangeIsTwoRenames) {
  const std::string strange = Make("strange");
  const FileKey file = Watch(Make("model"));
  ASSERT_EQ(renameat2(AT_FDCWD, strange.c_str(), AT_FDCWD, Path("model").c_str(), RENAME_EXCHANGE), 0);
  HintAtFolder(EVENT_NAME_RENAME);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(2));
  for (const FileName& name : names) EXPECT_EQ(name.path == strange ? name.file : name.replaced, file);
  EXPECT_EQ(book_.PathOf(file), strange);
}

TEST_F(NamesTest, FolderThatMovesTakesItsFilesAlong) {
  std::filesystem::create_directories(Path("m50/shards"));
  const FileKey file = Watch(Make("m50/shards/model"));
  const FileKey moved = book_.KeyAt(Path("m50"));
  ASSERT_EQ(rename(Path("m50").c_str(), Path("aside").c_str()), 0);
  HintAt(moved, true, EVENT_NAME_RENAME);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(names[0].file, file);
  EXPECT_EQ(names[0].old_path, Path("m50/shards/model"));
  EXPECT_EQ(names[0].path, Path("aside/shards/model"));
  // What happens there from now on is told under the new path.
  Make("aside/shards/born");
  HintAt(book_.KeyAt(Path("aside/shards")), true, EVENT_NAME_CREATE);
  ASSERT_THAT(Look(), SizeIs(1));
  EXPECT_EQ(std::get<FileName>(events_[0].body).path, Path("aside/shards/born"));
}

TEST_F(NamesTest, FolderInThePlaceOfAMovedOneReplacesItsFiles) {
  std::filesystem::create_directories(Path("m50"));
  std::filesystem::create_directories(Path("evil"));
  const FileKey file = Watch(Make("m50/model"));
  Make("evil/model");
  const FileKey moved = book_.KeyAt(Path("m50"));
  ASSERT_EQ(rename(Path("m50").c_str(), Path("aside").c_str()), 0);
  ASSERT_EQ(rename(Path("evil").c_str(), Path("m50").c_str()), 0);
  HintAt(moved, true, EVENT_NAME_RENAME);
  HintAtFolder(EVENT_NAME_RENAME);
  const std::vector<FileName> names = Look();
  ASSERT_THAT(names, SizeIs(2));
  EXPECT_EQ(names[1].replaced, file);
  EXPECT_EQ(names[1].path, Path("m50/model"));
}

TEST_F(NamesTest, NothingChangedTellsNothing) {
  const FileKey file = Watch(Make("model"));
  HintAt(file, false, EVENT_NAME_LINK);
  HintAtFolder(EVENT_NAME_RENAME);
  EXPECT_THAT(Look(), IsEmpty());
}

TEST_F(NamesTest, AFileWatchedByOtherMeansIsLeftToThem) {
  const std::string strange = Make("strange");
  const FileKey file = book_.KeyAt(Make("model"));
  book_.Add(file, Path("model"));
  ASSERT_EQ(rename(strange.c_str(), Path("model").c_str()), 0);
  HintAt(file, false, EVENT_NAME_RENAME);
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_EQ(book_.At(Path("model")), file) << "who tells of the rename needs to know what it replaced";
}

TEST_F(NamesTest, ABusyFolderIsLookedAtLater) {
  Watch(Make("model"));
  Make("one");
  HintAtFolder(EVENT_NAME_CREATE);
  EXPECT_THAT(Look(), SizeIs(1));
  Make("two");
  HintAtFolder(EVENT_NAME_CREATE);
  EXPECT_THAT(Look(1), IsEmpty()) << "the scan of a moment ago pays for a while";
  EXPECT_THAT(Look(), SizeIs(1)) << "and no hint is lost";
}

TEST_F(NamesTest, HintsBeyondTheBoundAreCounted) {
  Watch(Make("model"));
  for (int i = 0; i < 16390; ++i) HintAtFolder(EVENT_NAME_CREATE);
  EXPECT_EQ(scans_.dropped_hints(), 6u);
}

TEST_F(NamesTest, FolderThatCannotBeRegisteredIsNamed) {
  registered_ = absl::ResourceExhaustedError("BPF map objects is full");
  EXPECT_FALSE(scans_.WatchDirectory(folder_).ok());
  EXPECT_EQ(scans_.Failures(), "1 directories failed; last: BPF map objects is full");
}

TEST_F(NamesTest, ListingHoldsFilesNotFoldersAndStopsAtItsBound) {
  Make("a");
  Make("b");
  std::filesystem::create_directory(Path("sub"));
  const UniqueFd fd(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DirectoryListing listing;
  ASSERT_TRUE(ListDirectory(fd.get(), 10, listing).ok());
  EXPECT_THAT(listing, UnorderedElementsAre(Pair("a", ::testing::Ne(0u)), Pair("b", ::testing::Ne(0u))));
  EXPECT_TRUE(absl::IsResourceExhausted(ListDirectory(fd.get(), 1, listing)));
  EXPECT_THAT(listing, SizeIs(1));
}

}  // namespace
}  // namespace tensorwarden
