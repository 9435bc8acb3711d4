#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "agent/evidence/descriptors.h"
#include "agent/evidence/proc_maps.h"
#include "agent/evidence/stack.h"
#include "bpf/abi/event.h"

namespace tensorwarden {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kMaps =
    "1000-2000 r--p 00000000 fe:00 10                     /usr/bin/app\n"
    "2000-3000 r-xp 00001000 fe:00 10                     /usr/bin/app\n"
    "5000-6000 rw-p 00000000 00:00 0 \n"
    "7000-8000 r-xp 00000000 fe:00 11                     /tmp/a b (deleted)\n"
    "9000-a000 r-xp 00000000 00:00 0                      [vdso]\n";

TEST(ProcMapsTest, EveryPartOfALineIsTaken) {
  const std::vector<Mapping> mappings = ParseMaps(kMaps);
  ASSERT_THAT(mappings, SizeIs(5));
  EXPECT_EQ(mappings[1].start, 0x2000u);
  EXPECT_EQ(mappings[1].end, 0x3000u);
  EXPECT_EQ(mappings[1].offset, 0x1000u);
  EXPECT_EQ(mappings[1].inode, 10u);
  EXPECT_TRUE(mappings[1].executable);
  EXPECT_FALSE(mappings[0].executable);
  EXPECT_EQ(mappings[2].path, "");
  EXPECT_EQ(mappings[3].path, "/tmp/a b");
  EXPECT_EQ(mappings[4].path, "[vdso]");
}

TEST(ProcMapsTest, WhatIsNoLineIsLeftOut) {
  EXPECT_THAT(ParseMaps("\n-\nzz-1 r 0 0 0\n1-2\n1-2 r-xp 0 fe:0 1"), IsEmpty());
}

TEST(ProcMapsTest, AnAddressIsFoundInItsMappingOnly) {
  const std::vector<Mapping> mappings = ParseMaps(kMaps);
  EXPECT_EQ(FindMapping(mappings, 0xfff), nullptr);
  EXPECT_EQ(FindMapping(mappings, 0x1000), &mappings[0]);
  EXPECT_EQ(FindMapping(mappings, 0x2fff), &mappings[1]);
  EXPECT_EQ(FindMapping(mappings, 0x3000), nullptr);
  EXPECT_EQ(FindMapping(mappings, 0xa000), nullptr);
  EXPECT_EQ(FindMapping({}, 1), nullptr);
}

TEST(LocateStackTest, FramesBecomePlacesInFilesAndOneQuestionPerFrame) {
  const uint64_t addresses[] = {0x2010, 0x7020, 0x9004, 0x2020};
  LocatedStack stack = LocateStack(addresses, ParseMaps(kMaps));
  ASSERT_THAT(stack.frames, SizeIs(4));
  EXPECT_EQ(stack.frames[0].module, "/usr/bin/app");
  EXPECT_EQ(stack.frames[0].module_offset, 0x1010u);
  EXPECT_EQ(stack.frames[2].module, "[vdso]");
  EXPECT_EQ(stack.request.modules, 2u);
  EXPECT_THAT(stack.asked, ElementsAre(0, 1, 3));
  EXPECT_THAT(stack.request.frames, ElementsAre(SymbolQuery{0, 0x100f}, SymbolQuery{1, 0x1f}, SymbolQuery{0, 0x101f}));
  NameFrames({{"main", 15}, {}, {"run", 0}, {"too many", 1}}, stack);
  EXPECT_EQ(stack.frames[0].function, "main");
  EXPECT_EQ(stack.frames[0].function_offset, 16u);
  EXPECT_EQ(stack.frames[1].function, "");
  EXPECT_EQ(stack.frames[3].function, "run");
}

TEST(LocateStackTest, AStackEndsWhereThereIsNoCode) {
  const uint64_t addresses[] = {0x2010, 0x5010, 0x2020};
  EXPECT_THAT(LocateStack(addresses, ParseMaps(kMaps)).frames, SizeIs(1));
  const uint64_t first_unknown[] = {0xdead0000, 0x2020};
  EXPECT_THAT(LocateStack(first_unknown, ParseMaps(kMaps)).frames, SizeIs(2)) << "the innermost is always told";
  EXPECT_THAT(LocateStack(addresses, {}).frames, SizeIs(3)) << "without mappings nothing is known to be no code";
}

TEST(LocateStackTest, MoreFilesThanAFrameTakesAreNotAskedFor) {
  std::vector<Mapping> mappings;
  std::vector<uint64_t> addresses;
  for (uint64_t i = 1; i <= kMaxSymbolModules + 4; ++i) {
    mappings.push_back({i << 12, (i + 1) << 12, 0, i, true, "/lib/" + std::to_string(i)});
    addresses.push_back((i << 12) + 8);
  }
  const LocatedStack stack = LocateStack(addresses, mappings);
  EXPECT_THAT(stack.frames, SizeIs(kMaxSymbolModules + 4));
  EXPECT_THAT(stack.modules, SizeIs(kMaxSymbolModules));
  EXPECT_THAT(stack.request.frames, SizeIs(kMaxSymbolModules));
}

TEST(DescriptorsTest, ALinkTellsWhatItIs) {
  EXPECT_EQ(DescribeLink(1, "/srv/m.bin").type, "file");
  EXPECT_EQ(DescribeLink(1, "/srv/m.bin").path, "/srv/m.bin");
  EXPECT_EQ(DescribeLink(1, "/dev/nvidia0").type, "device");
  EXPECT_EQ(DescribeLink(1, "/dev/shm/x").type, "file");
  EXPECT_EQ(DescribeLink(1, "anon_inode:[eventfd]").type, "eventfd");
  EXPECT_EQ(DescribeLink(1, "anon_inode:bpf-map").type, "bpf-map");
  EXPECT_EQ(DescribeLink(1, "socket:[123]").type, "socket");
  EXPECT_EQ(DescribeLink(1, "socket:[123]").path, "");
  EXPECT_EQ(DescribeLink(1, "").type, "");
}

TEST(DescriptorsTest, TheKernelsListMakesSocketsExactAndFirst) {
  HeldFile tcp{.fd = 9, .open_mode = 3};
  tcp.socket.protocol = IPPROTO_TCP;
  tcp.socket.local_address = "fe80::1";
  tcp.socket.local_port = 5;
  tcp.socket.peer_address = "10.0.0.2";
  tcp.socket.peer_port = 443;
  const HeldFile pipe{.fd = 1, .object = EVENT_OBJECT_PIPE, .open_mode = 2, .socket = {}};
  const DescriptorList list = MergeDescriptors(
      {DescribeLink(1, "pipe:[1]"), DescribeLink(4, "/srv/m"), DescribeLink(9, "socket:[2]")}, {pipe, tcp});
  ASSERT_THAT(list.held, SizeIs(3));
  EXPECT_EQ(list.held[0].type, "tcp");
  EXPECT_EQ(list.held[0].local, "[fe80::1]:5");
  EXPECT_EQ(list.held[0].peer, "10.0.0.2:443");
  EXPECT_EQ(list.held[0].access, "rw");
  EXPECT_EQ(list.held[1].path, "/srv/m");
  EXPECT_EQ(list.held[2].access, "w");
  EXPECT_EQ(list.more, 0u);
}

TEST(DescriptorsTest, WhatIsLeftOutIsCounted) {
  std::vector<HeldDescriptor> links;
  for (uint32_t fd = 0; fd < 100; ++fd) links.push_back(DescribeLink(fd, "pipe:[1]"));
  links.push_back(DescribeLink(200, "/srv/m"));
  const DescriptorList list = MergeDescriptors(std::move(links), {});
  EXPECT_THAT(list.held, SizeIs(kMaxDescriptors));
  EXPECT_EQ(list.more, 37u);
  EXPECT_EQ(list.held[0].path, "/srv/m");
}

TEST(DescriptorsTest, AProcessThatIsNotThereIsSaid) { EXPECT_NE(ListDescriptors("/proc", 0, {}).problem, ""); }

TEST(SymbolProtocolTest, QuestionsAndAnswersSurviveARoundTrip) {
  const SymbolRequest request{.process = {5, 6}, .modules = 2, .frames = {{0, 7}, {1, UINT64_MAX}}};
  const auto back = DecodeRequest(EncodeRequest(request));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->process, request.process);
  EXPECT_EQ(back->modules, 2u);
  EXPECT_EQ(back->frames, request.frames);
  const SymbolReply reply = {{"f", 1}, {"", 0}};
  EXPECT_EQ(*DecodeReply(EncodeReply(reply)), reply);
}

TEST(SymbolProtocolTest, WhatIsBrokenIsRefused) {
  const std::string request = EncodeRequest({.process = {5, 6}, .modules = 1, .frames = {{0, 7}}});
  for (size_t size = 0; size < request.size(); ++size)
    EXPECT_FALSE(DecodeRequest(std::string_view(request).substr(0, size)).ok()) << size;
  EXPECT_FALSE(DecodeRequest(request + "x").ok());
  EXPECT_FALSE(DecodeRequest(EncodeRequest({.modules = 1, .frames = {{1, 7}}})).ok()) << "a module that is not there";
  EXPECT_FALSE(DecodeRequest(EncodeRequest({.modules = 0, .frames = {{0, 7}}})).ok());
  EXPECT_FALSE(DecodeRequest(EncodeRequest({.modules = kMaxSymbolModules + 1})).ok());
  EXPECT_FALSE(DecodeReply(EncodeReply(SymbolReply(kMaxSymbolFrames + 1))).ok());
}

}  // namespace
}  // namespace tensorwarden
