// The sensor's readers of text and bytes that others write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fanotify.h>

#include <cstring>

#include "agent/sensor/bpf_log.h"
#include "agent/sensor/capabilities.h"
#include "agent/sensor/fanotify_records.h"
#include "agent/sensor/file_handles.h"
#include "agent/sensor/kernel_maps.h"
#include "agent/sensor/process_starts.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(StartTicksTest, NameWithBracketsAndSpacesDoesNotShiftTheFields) {
  const std::string behind = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21";
  EXPECT_EQ(StartTicks("42 (sh)" + behind), 987654u);
  EXPECT_EQ(StartTicks("42 (a) R 1 (b c)" + behind), 987654u);
}

struct BadStat {
  const char* name;
  const char* text;
};
class BadStatTest : public ::testing::TestWithParam<BadStat> {};
TEST_P(BadStatTest, HasNoStart) { EXPECT_EQ(StartTicks(GetParam().text), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(Texts, BadStatTest,
                         ::testing::ValuesIn(std::vector<BadStat>{
                             {"Empty", ""},
                             {"NoBracket", "42 sh S 1 2 3"},
                             {"BracketAtTheEnd", "42 (sh)"},
                             {"TooFewFields", "42 (sh) S 1 2 3"},
                             {"NoNumber", "42 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20"},
                             {"Negative", "42 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 -1 20"},
                         }),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(FindCgroup2Test, WholeHierarchyIsPreferredToAPartOfIt) {
  const char* text =
      "30 20 0:25 /pod /mnt/part rw - cgroup2 cgroup2 rw\n"
      "31 20 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "32 20 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(FindCgroup2(text).value_or(""), "/sys/fs/cgroup/unified");
}

TEST(FindCgroup2Test, NoneIsAnErrorWithItsFix) {
  EXPECT_THAT(std::string(FindCgroup2("").status().message()), HasSubstr("mount -t cgroup2"));
}

TEST(PrerequisitesTest, MissingBtfIsNamed) {
  SensorPaths paths;
  paths.status = "/nonexistent";  // capabilities unknown: left to the kernel
  paths.btf = "/nonexistent/vmlinux";
  EXPECT_EQ(std::string(CheckPrerequisites(paths).message()),
            "kernel BTF: /nonexistent/vmlinux is missing: use a kernel with CONFIG_DEBUG_INFO_BTF=y");
}

TEST(PrerequisitesTest, MissingTracefsIsNamed) {
  SensorPaths paths;
  paths.status = "/nonexistent";
  paths.btf = "/proc/self/stat";
  paths.tracefs = {"/tmp"};
  EXPECT_EQ(std::string(CheckPrerequisites(paths).message()), "tracefs is not mounted: mount -t tracefs tracefs /tmp");
}

std::vector<std::pair<uint32_t, uint32_t>> Devices(const char* text) {
  std::vector<std::pair<uint32_t, uint32_t>> devices;
  for (const DeviceNodes& nodes : GpuDevices(text)) devices.emplace_back(nodes.major, nodes.driver);
  return devices;
}

TEST(GpuDevicesTest, CharacterDevicesOfGpuDriversOnly) {
  const char* text =
      "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n226 drm\n237 nvidia-caps-imex-channels\n"
      "238 nvidia-uvm\n239 nvidia-nvlink\n240 nvidia-fs\n\nBlock devices:\n  8 drm\n";
  EXPECT_THAT(Devices(text),
              ElementsAre(Pair(195u, EVENT_GPU_NVIDIA), Pair(226u, EVENT_GPU_DRM), Pair(237u, EVENT_GPU_CAPS),
                          Pair(238u, EVENT_GPU_UVM), Pair(239u, 0u), Pair(240u, EVENT_GPU_STORAGE)));
  EXPECT_THAT(Devices(""), ElementsAre(Pair(195u, EVENT_GPU_NVIDIA)));
}

TEST(BpfLogTest, VerifiersLastSentenceAndTheProgramAreFound) {
  const std::vector<std::string> log = {
      "libbpf: prog 'file_read': BPF program load failed: Permission denied",
      "libbpf: prog 'file_read': -- BEGIN PROG LOAD LOG --",
      "0: R1=ctx(off=0,imm=0) R10=fp0",
      "R1 invalid mem access 'scalar'",
      "processed 12 insns (limit 1000000) max_states_per_insn 0",
      "-- END PROG LOAD LOG --",
      "libbpf: failed to load object 'sensor_bpf'",
  };
  EXPECT_EQ(LastWords(log), "R1 invalid mem access 'scalar'");
  EXPECT_EQ(FailedProgram(log), "file_read");
}

TEST(BpfLogTest, LibbpfSpeaksWhereTheVerifierDoesNot) {
  const std::vector<std::string> log = {"libbpf: map 'urgent': failed to create: Invalid argument(-22)"};
  EXPECT_EQ(LastWords(log), "map 'urgent': failed to create: Invalid argument(-22)");
  EXPECT_EQ(FailedProgram(log), "");
  EXPECT_EQ(LastWords({}), "");
}

// --- fanotify's bytes ---

void Append(std::vector<std::byte>& bytes, const void* from, size_t size) {
  const auto* begin = static_cast<const std::byte*>(from);
  bytes.insert(bytes.end(), begin, begin + size);
}

// One info record: a handle of four bytes, and a name for the kinds that have one.
std::vector<std::byte> Info(uint8_t type, uint32_t handle, const std::string& name) {
  std::vector<std::byte> bytes(4);
  const uint64_t fsid = 7;
  const uint32_t size = sizeof(handle);
  const int32_t handle_type = 1;
  Append(bytes, &fsid, sizeof(fsid));
  Append(bytes, &size, sizeof(size));
  Append(bytes, &handle_type, sizeof(handle_type));
  Append(bytes, &handle, sizeof(handle));
  if (!name.empty()) Append(bytes, name.c_str(), name.size() + 1);
  const fanotify_event_info_header header{.info_type = type, .pad = 0, .len = static_cast<uint16_t>(bytes.size())};
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

std::vector<std::byte> Record(uint64_t mask, int32_t pid, const std::vector<std::vector<std::byte>>& infos) {
  fanotify_event_metadata metadata{};
  metadata.vers = FANOTIFY_METADATA_VERSION;
  metadata.metadata_len = sizeof(metadata);
  metadata.mask = mask;
  metadata.fd = FAN_NOFD;
  metadata.pid = pid;
  metadata.event_len = sizeof(metadata);
  for (const auto& info : infos) metadata.event_len += static_cast<uint32_t>(info.size());
  std::vector<std::byte> bytes;
  Append(bytes, &metadata, sizeof(metadata));
  for (const auto& info : infos) Append(bytes, info.data(), info.size());
  return bytes;
}

TEST(FanotifyRecordsTest, RenameNamesBothEndsAndTheFile) {
  const std::vector<std::byte> bytes =
      Record(FAN_RENAME, 42,
             {Info(FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, 1, "old"), Info(FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, 2, "new"),
              Info(FAN_EVENT_INFO_TYPE_FID, 3, "")});
  const std::vector<MarkRecord> records = ParseFanotify(bytes);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].pid, 42u);
  ASSERT_TRUE(records[0].from && records[0].to);
  EXPECT_EQ(records[0].from->name, "old");
  EXPECT_EQ(records[0].to->name, "new");
  EXPECT_NE(records[0].from->directory, records[0].to->directory);
  EXPECT_FALSE(records[0].object.empty());
}

TEST(FanotifyRecordsTest, SeveralRecordsInOneRead) {
  std::vector<std::byte> bytes = Record(FAN_MODIFY, 1, {Info(FAN_EVENT_INFO_TYPE_FID, 3, "")});
  const std::vector<std::byte> second = Record(FAN_CREATE, 2, {Info(FAN_EVENT_INFO_TYPE_DFID_NAME, 4, "x")});
  Append(bytes, second.data(), second.size());
  const std::vector<MarkRecord> records = ParseFanotify(bytes);
  ASSERT_THAT(records, SizeIs(2));
  ASSERT_TRUE(records[1].entry);
  EXPECT_EQ(records[1].entry->name, "x");
}

TEST(FanotifyRecordsTest, EveryCutOffReadParsesWithoutReadingPastIt) {
  const std::vector<std::byte> bytes =
      Record(FAN_RENAME, 42,
             {Info(FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, 1, "old"), Info(FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, 2, "new")});
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_THAT(ParseFanotify(cut), IsEmpty()) << size;
  }
}

TEST(FanotifyRecordsTest, HandleLongerThanItsRecordIsIgnored) {
  std::vector<std::byte> info = Info(FAN_EVENT_INFO_TYPE_FID, 3, "");
  const uint32_t lie = 100;
  std::memcpy(info.data() + 12, &lie, sizeof(lie));
  const std::vector<MarkRecord> records = ParseFanotify(Record(FAN_MODIFY, 1, {info}));
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_THAT(records[0].object, IsEmpty());
}

// --- overlayfs's handles ---

// As overlayfs wrote it for a file in its upper layer on ext4.
std::string OverlayBytes() {
  const unsigned char bytes[] = {0, 0, 0, 0, 0xfb, 29, 4, 1, 0,    0,    0,    0, 0,    0,    0,    0,
                                 0, 0, 0, 0, 0,    0,  0, 0, 0x95, 0xe0, 0x10, 0, 0x0c, 0x17, 0x01, 0x83};
  return {reinterpret_cast<const char*>(bytes), sizeof(bytes)};
}

HandleId OverlayHandle(const std::string& bytes, int32_t type = 0xf8) {
  return MakeHandleId("fsid-of8", type, bytes.data(), bytes.size());
}

TEST(OverlayHandleTest, HoldsTheHandleOfTheFileInTheUpperLayer) {
  const std::string bytes = OverlayBytes();
  EXPECT_EQ(UpperHandle(OverlayHandle(bytes)), MakeHandleId("fsid-of8", 1, bytes.data() + 24, 8));
}

TEST(OverlayHandleTest, WhatIsInALowerLayerOrNoOverlayHasNone) {
  std::string lower = OverlayBytes();
  lower[6] = 0;
  EXPECT_EQ(UpperHandle(OverlayHandle(lower)), std::nullopt);
  EXPECT_EQ(UpperHandle(OverlayHandle(OverlayBytes(), 1)), std::nullopt);
}

TEST(OverlayHandleTest, EveryCutOffOrLyingHandleHasNone) {
  std::string bytes = OverlayBytes();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(UpperHandle(OverlayHandle(bytes.substr(0, size))), std::nullopt) << size;
  for (const char size : {0, 20, 21, 30}) {
    bytes[5] = size;
    EXPECT_EQ(UpperHandle(OverlayHandle(bytes)), std::nullopt) << int{size};
  }
  EXPECT_EQ(UpperHandle(""), std::nullopt);
}

TEST(OverlayHandleTest, MergedPathFollowsTheMount) {
  EXPECT_EQ(MergedPath("/up/a/b", "/up", "/", "/mnt"), "/mnt/a/b");
  EXPECT_EQ(MergedPath("/up/a/b", "/up", "/", "/"), "/a/b");
  EXPECT_EQ(MergedPath("/up/a/b", "/up", "/a", "/mnt"), "/mnt/b");
  EXPECT_EQ(MergedPath("/up/c/b", "/up", "/a", "/mnt"), "");
  EXPECT_EQ(MergedPath("/upper/a", "/up", "/", "/mnt"), "");
}

}  // namespace
}  // namespace tensorwarden
