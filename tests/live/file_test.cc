// Reads, maps and changes of watched files.
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "bpf/abi/config.h"
#include "tests/live/live.h"

namespace tensorwarden {
namespace {

constexpr size_t kSize = 4 << 20;

class LiveFileTest : public LiveTest {
 protected:
  // Runs a trigger to its end, with everything it caused read.
  void RunTrigger(const std::vector<std::string>& arguments) {
    Trigger trigger(arguments);
    pid_ = static_cast<uint32_t>(trigger.pid());
    EXPECT_EQ(trigger.Finish(), 0);
    WaitForExit(trigger.pid());
  }
  const FileChange* WaitForChange(const FileKey& file, uint32_t change) {
    return WaitForBody<FileChange>([&](const Event& event, const FileChange& body) {
      return event.origin.process.tgid == pid_ && body.file == file && body.change == change;
    });
  }
  uint64_t Covered(const FileKey& file) const {
    uint64_t covered = 0;
    for (const Event& event : events_) {
      const auto* read = std::get_if<FileRead>(&event.body);
      if (read != nullptr && read->file == file && event.origin.process.tgid == pid_)
        covered = std::max(covered, read->covered_bytes);
    }
    return covered;
  }
  uint32_t pid_ = 0;
};

TEST_F(LiveFileTest, ReadTellsItsPages) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"read_file", path, "1048576", "262144"});
  const auto* read = WaitForBody<FileRead>(
      [&](const Event& event, const FileRead& body) { return body.file == file && event.origin.process.tgid == pid_; });
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->first_page, 256u);
  EXPECT_GE(read->last_page, read->first_page);
  EXPECT_LT(read->last_page, 256u + 64u);
  EXPECT_EQ(read->labels, uint64_t{1} << LabelOf(file));
  EXPECT_EQ(Covered(file), 262144u);
}

TEST_F(LiveFileTest, WholeReadCoversTheFile) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"read_file", path, "0", std::to_string(kSize)});
  EXPECT_EQ(Covered(file), kSize);
}

TEST_F(LiveFileTest, WholeReadInSmallPiecesCoversTheFile) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"read_file", path, "0", std::to_string(kSize), "84"});
  EXPECT_EQ(Covered(file), kSize);
}

TEST_F(LiveFileTest, HeaderReadIsOnePageAndNoModel) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"read_file", path, "0", "100"});
  const auto* read = WaitForBody<FileRead>(
      [&](const Event& event, const FileRead& body) { return body.file == file && event.origin.process.tgid == pid_; });
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->first_page, 0u);
  EXPECT_EQ(read->last_page, 0u);
  EXPECT_LE(Covered(file), 4096u);
}

TEST_F(LiveFileTest, UnwatchedFileIsSilent) {
  const FileKey watched = Watch(MakeFile("model", 8192));
  const std::string other = MakeFile("other", kSize);
  RunTrigger({"read_file", other, "0", std::to_string(kSize)});
  EXPECT_EQ(Count([&](const Event& event) {
              return event.origin.process.tgid == pid_ &&
                     (std::holds_alternative<FileRead>(event.body) || std::holds_alternative<LabelMove>(event.body));
            }),
            0u);
  EXPECT_TRUE(watched);
}

TEST_F(LiveFileTest, MappingLabelsTheProcess) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger trigger({"map_file", path});
  ASSERT_EQ(trigger.Line(), "mapped");
  const auto* move = WaitForBody<LabelMove>([&](const Event& event, const LabelMove& body) {
    return event.origin.process.tgid == static_cast<uint32_t>(trigger.pid()) && body.source == file;
  });
  ASSERT_NE(move, nullptr);
  EXPECT_EQ(move->labels, uint64_t{1} << LabelOf(file));
  EXPECT_GT(move->volume, 0u);
  EXPECT_EQ(trigger.Finish(), 0);
}

TEST_F(LiveFileTest, WriteInPlaceIsSeenOnACleanAndOnADirtyPage) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"write_file", path, "8192"});
  const FileChange* clean = WaitForChange(file, EVENT_CHANGE_WRITE);
  ASSERT_NE(clean, nullptr);
  RunTrigger({"write_file", path, "8200"});
  EXPECT_NE(WaitForChange(file, EVENT_CHANGE_WRITE), nullptr);
}

TEST_F(LiveFileTest, StoreThroughAMappingIsAChange) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"map_write", path});
  const auto* change = WaitForBody<FileChange>([&](const Event& event, const FileChange& body) {
    return event.origin.process.tgid == pid_ && body.file == file &&
           (body.change == EVENT_CHANGE_MAPPED_WRITE || body.change == EVENT_CHANGE_WRITE);
  });
  EXPECT_NE(change, nullptr);
}

TEST_F(LiveFileTest, TruncateIsAChange) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"truncate_file", path});
  const auto* change = WaitForBody<FileChange>([&](const Event& event, const FileChange& body) {
    return event.origin.process.tgid == pid_ && body.file == file && body.change != EVENT_CHANGE_ATTRIBUTE;
  });
  EXPECT_NE(change, nullptr);
}

TEST_F(LiveFileTest, ChangeOfModeIsAnAttributeChange) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"change_mode", path});
  EXPECT_NE(WaitForChange(file, EVENT_CHANGE_ATTRIBUTE), nullptr);
}

TEST_F(LiveFileTest, RenameOverNamesTheReplacedFile) {
  const std::string path = MakeFile("model", kSize);
  MakeFile("strange", 4096);
  const FileKey file = Watch(path);
  RunTrigger({"rename_over", Path("strange"), path});
  const auto* name = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_RENAME && body.replaced == file; });
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(name->path, path);
  EXPECT_EQ(name->old_path, Path("strange"));
  EXPECT_TRUE(name->file);
  EXPECT_NE(name->file, file);
}

TEST_F(LiveFileTest, RenamerIsKnownToTheNanosecond) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"rename_over", Path("strange"), path});
  const Event* name = WaitFor([&](const Event& event) {
    const auto* body = std::get_if<FileName>(&event.body);
    return body != nullptr && body->replaced == file;
  });
  const Event* exec = WaitFor([&](const Event& event) {
    return std::holds_alternative<ProcessExec>(event.body) && event.origin.process.tgid == pid_;
  });
  ASSERT_NE(name, nullptr);
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(name->origin.process, exec->origin.process);
}

TEST_F(LiveFileTest, LinkAndUnlinkAreTold) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"link_file", path, Path("second")});
  const auto* link = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.file == file && body.op == EVENT_NAME_LINK; });
  ASSERT_NE(link, nullptr);
  EXPECT_EQ(link->path, Path("second"));
  RunTrigger({"unlink_file", path});
  const auto* unlink = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.file == file && body.op == EVENT_NAME_UNLINK; });
  ASSERT_NE(unlink, nullptr);
  EXPECT_EQ(unlink->path, path);
}

TEST_F(LiveFileTest, ASecondNameIsNoAttributeChange) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  ASSERT_EQ(mkdir(Path("elsewhere").c_str(), 0755), 0);
  RunTrigger({"link_file", path, Path("elsewhere/second")});
  const uint32_t linker = pid_;
  RunTrigger({"change_mode", path});
  ASSERT_NE(WaitForChange(file, EVENT_CHANGE_ATTRIBUTE), nullptr);
  EXPECT_EQ(Count([&](const Event& event) {
              return event.origin.process.tgid == linker && std::holds_alternative<FileChange>(event.body);
            }),
            0u);
}

TEST_F(LiveFileTest, AFolderInThePlaceOfAnotherReplacesItsFiles) {
  ASSERT_EQ(mkdir(Path("m50").c_str(), 0755), 0);
  ASSERT_EQ(mkdir(Path("evil").c_str(), 0755), 0);
  ASSERT_EQ(mkdir(Path("m50/shards").c_str(), 0755), 0);
  ASSERT_EQ(mkdir(Path("evil/shards").c_str(), 0755), 0);
  const FileKey file = Watch(MakeFile("m50/shards/model", kSize));
  MakeFile("evil/shards/model", kSize);
  RunTrigger({"swap_folders", Path("m50"), Path("aside"), Path("evil")});
  const auto* aside = WaitForBody<FileName>([&](const Event& event, const FileName& body) {
    return event.origin.process.tgid == pid_ && body.file == file && body.op == EVENT_NAME_RENAME;
  });
  ASSERT_NE(aside, nullptr);
  EXPECT_EQ(aside->old_path, Path("m50/shards/model"));
  EXPECT_EQ(aside->path, Path("aside/shards/model"));
  const auto* placed = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.replaced == file && body.op == EVENT_NAME_RENAME; });
  ASSERT_NE(placed, nullptr);
  EXPECT_EQ(placed->path, Path("m50/shards/model"));
  EXPECT_NE(placed->file, file);
}

TEST_F(LiveFileTest, ExchangeIsToldOfBothFiles) {
  MakeFile("strange", kSize);
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"exchange", Path("strange"), path});
  const auto* placed = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_RENAME && body.replaced == file; });
  ASSERT_NE(placed, nullptr);
  EXPECT_EQ(placed->path, path);
  const auto* aside = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_RENAME && body.file == file; });
  ASSERT_NE(aside, nullptr);
  EXPECT_EQ(aside->path, Path("strange"));
}

// File systems give an inode's number to the next file: the listing of the folder is then as it was.
TEST_F(LiveFileTest, DeletedAndMadeAnewIsTold) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"make_anew", path});
  const auto* gone = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_UNLINK && body.file == file; });
  ASSERT_NE(gone, nullptr);
  const auto* made = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_CREATE && body.path == path; });
  ASSERT_NE(made, nullptr);
  EXPECT_NE(made->file, file);
}

TEST_F(LiveFileTest, MovedOutOfItsFolderIsFollowed) {
  const std::string path = MakeFile("model", kSize);
  ASSERT_EQ(mkdir(Path("elsewhere").c_str(), 0755), 0);
  const FileKey file = Watch(path);
  RunTrigger({"rename_file", path, Path("elsewhere/hidden")});
  const auto* name = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_RENAME && body.file == file; });
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(name->old_path, path);
  EXPECT_EQ(name->path, Path("elsewhere/hidden"));
  RunTrigger({"rename_file", Path("elsewhere/hidden"), Path("elsewhere/further")});
  const auto* further = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.file == file && body.path == Path("elsewhere/further"); });
  ASSERT_NE(further, nullptr);
  EXPECT_EQ(further->old_path, Path("elsewhere/hidden"));
}

// A mark would make every open and close on the file system slower.
TEST_F(LiveFileTest, MountOverAFileHidesIt) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  Trigger trigger({"mount_over", MakeFile("strange", 4096), path});
  ASSERT_EQ(trigger.Line(), "mounted");
  const auto* name = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_MOUNT && body.replaced == file; });
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(name->path, path);
  EXPECT_TRUE(name->file);
  EXPECT_EQ(trigger.Finish(), 0);
}

TEST_F(LiveFileTest, NamesOnExt4NeedNoMark) {
  struct statfs fs {};
  ASSERT_EQ(statfs(folder_.c_str(), &fs), 0);
  if (fs.f_type != EXT4_SUPER_MAGIC) GTEST_SKIP() << folder_ << " is not on ext4";
  Watch(MakeFile("model", kSize));
  for (const ProbeRow& row : sensor().Probes())
    EXPECT_FALSE(row.group == "name_marks" && row.state == "attached") << row.why;
}

TEST_F(LiveFileTest, ExtendedAttributeIsAChange) {
  const std::string path = MakeFile("model", kSize);
  const FileKey file = Watch(path);
  RunTrigger({"set_xattr", path});
  EXPECT_NE(WaitForChange(file, EVENT_CHANGE_ATTRIBUTE), nullptr);
}

TEST_F(LiveFileTest, BirthInAWatchedFolderIsTold) {
  ASSERT_TRUE(sensor().WatchDirectory(folder_).ok());
  const std::string other = MakeFile("elsewhere", 4096);
  RunTrigger({"copy_file", other, Path("born")});
  const auto* birth = WaitForBody<FileName>(
      [&](const Event&, const FileName& body) { return body.op == EVENT_NAME_CREATE && body.path == Path("born"); });
  ASSERT_NE(birth, nullptr);
  EXPECT_TRUE(birth->file);
}

}  // namespace
}  // namespace tensorwarden
