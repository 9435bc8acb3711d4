// Decodes what real programs asked of a real driver: tests/data/gpu/README.md.
#include "agent/event/gpu_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "agent/event/gpu_names.h"

namespace tensorwarden {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

constexpr uint32_t kUvmMajor = 238;
constexpr uint32_t kXfer = 211;

template <typename Length, size_t N>
void Fill(const std::string& hex, uint8_t (&bytes)[N], Length& length) {
  if (hex == "-") return;
  length = static_cast<Length>(std::min(hex.size() / 2, N));
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
}

template <typename T>
void Put(uint8_t* bytes, size_t at, T value) {
  std::memcpy(bytes + at, &value, sizeof(value));
}

// As the probe fills it.
gpu_call_event Nvidia(uint32_t number, uint32_t size) {
  gpu_call_event wire{};
  wire.major = 195;
  wire.minor = 255;
  wire.driver = EVENT_GPU_NVIDIA;
  wire.number = number;
  wire.request = 0xc0004600 | size << 16 | number;
  wire.argument_size = size;
  wire.before_len = wire.after_len = static_cast<uint16_t>(std::min<size_t>(size, EVENT_GPU_MAX));
  return wire;
}

struct Recorded {
  int pid;
  GpuCall call;
};

std::vector<Recorded> Recording(const std::string& name) {
  std::ifstream file("tests/data/gpu/" + name + ".tsv");
  std::vector<Recorded> calls;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string request, before, after, pointed;
    int pid = 0;
    gpu_call_event wire{};
    fields >> pid >> wire.major >> wire.minor >> request >> wire.result >> before >> after >> pointed;
    wire.request = std::stoull(request, nullptr, 16);
    wire.driver = wire.major == kUvmMajor ? EVENT_GPU_UVM : EVENT_GPU_NVIDIA;
    wire.number = static_cast<uint32_t>(wire.major == kUvmMajor ? wire.request : wire.request & 0xff);
    wire.argument_size = wire.major == kUvmMajor ? 0 : wire.request >> 16 & 0x3fff;
    Fill(before, wire.before, wire.before_len);
    Fill(after, wire.after, wire.after_len);
    Fill(pointed, wire.pointed, wire.pointed_len);
    calls.push_back({pid, DecodeGpuCall(wire)});
  }
  EXPECT_GT(calls.size(), 10u) << name;
  return calls;
}

std::map<std::string, int> Uses(const std::vector<Recorded>& calls) {
  std::map<std::string, int> uses;
  for (const Recorded& recorded : calls) ++uses[recorded.call.use];
  return uses;
}

std::vector<GpuCall> With(const std::vector<Recorded>& calls, const std::string& use) {
  std::vector<GpuCall> found;
  for (const Recorded& recorded : calls)
    if (recorded.call.use == use) found.push_back(recorded.call);
  return found;
}

TEST(GpuCallTest, EveryCallOfAPlainProgramHasANameAndNoneAHarmfulUse) {
  const std::vector<Recorded> calls = Recording("cuda");
  for (const Recorded& recorded : calls) {
    const GpuCall& call = recorded.call;
    EXPECT_FALSE(call.call.starts_with("0x")) << call.driver << " " << call.call;
    EXPECT_FALSE(call.altered) << call.call << " " << call.subject;
    EXPECT_EQ(call.status & ~0x10006u, 0u) << call.call << " " << call.subject;
  }
  std::map<std::string, int> uses = Uses(calls);
  for (const char* usual : {"", "client", "context", "memory", "map", "pin", "rdma", "debug", "export"})
    uses.erase(usual);
  EXPECT_THAT(uses, IsEmpty()) << uses.begin()->first;
}

TEST(GpuCallTest, ADebuggerOfOneselfNamesNobody) {
  for (const GpuCall& call : With(Recording("cuda"), "debug")) {
    EXPECT_EQ(call.subject, "gt200_debugger");
    EXPECT_EQ(call.other, 0u);
    EXPECT_NE(call.client, 0u);
  }
}

TEST(GpuCallTest, MemoryIsToldWithItsSize) {
  const std::vector<GpuCall> calls = With(Recording("cuda"), "memory");
  EXPECT_EQ(std::count_if(calls.begin(), calls.end(), [](const GpuCall& call) { return call.bytes == 256u << 20; }), 2);
}

TEST(GpuCallTest, ADmabufIsAnExportOfItsSize) {
  const std::vector<GpuCall> calls = With(Recording("cuda"), "export");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].call, "export_to_dmabuf_fd");
  EXPECT_EQ(calls[0].bytes, 256u << 20);
}

TEST(GpuCallTest, IpcIsAShareAndADuplicateOfTheOthersClient) {
  const std::vector<Recorded> calls = Recording("cuda-ipc");
  const std::vector<GpuCall> shares = With(calls, "share");
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].subject, "type 1");  // all
  const std::vector<GpuCall> copies = With(calls, "duplicate");
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].other, shares[0].client);
  EXPECT_NE(copies[0].client, copies[0].other);
}

TEST(GpuCallTest, AHandleThatTravelsIsAnExportAndAnImport) {
  const std::vector<Recorded> calls = Recording("cuda-vmm");
  EXPECT_THAT(Uses(calls), Contains(::testing::Pair("export", 1)));
  EXPECT_THAT(Uses(calls), Contains(::testing::Pair("import", 1)));
}

TEST(GpuCallTest, ADebuggerNamesTheClientWhoseMemoryItReads) {
  const std::vector<Recorded> calls = Recording("cuda-gdb");
  uint32_t victim = 0;
  for (const Recorded& recorded : calls)
    if (recorded.pid == 598 && recorded.call.use == "client") victim = recorded.call.client;
  ASSERT_NE(victim, 0u);
  bool names_it = false;
  for (const GpuCall& call : With(calls, "debug")) names_it |= call.other == victim;
  EXPECT_TRUE(names_it);
  const std::vector<GpuCall> reads = With(calls, "read_memory");
  ASSERT_FALSE(reads.empty());
  EXPECT_EQ(reads[0].subject, "debug_read_memory");
  EXPECT_EQ(reads[0].bytes, 0x5ea410u);
  EXPECT_FALSE(With(calls, "write_memory").empty());
  EXPECT_FALSE(With(calls, "share").empty());  // the policy that lets the debugger in
}

TEST(GpuCallTest, AProfilerShows) {
  EXPECT_GT(Uses(Recording("ncu"))["profile"], 10);
  EXPECT_EQ(Uses(Recording("nvidia-smi")).count("profile"), 0u);
  EXPECT_EQ(Uses(Recording("nvidia-smi")).count("read_memory"), 0u);
}

TEST(GpuCallTest, UsesThatAreToldAreTheListedOnes) {
  for (const char* name : {"cuda", "cuda-ipc", "cuda-vmm", "cuda-gdb", "ncu", "nvidia-smi"}) {
    std::map<std::string, int> uses = Uses(Recording(name));
    uses.erase("");
    for (const auto& [use, count] : uses)
      EXPECT_THAT(std::vector<std::string_view>(GpuUses().begin(), GpuUses().end()), Contains(use));
  }
}

TEST(GpuCallTest, StatusOfAnAllocationIsWhereItsSizeSays) {
  for (const auto& [size, at] : {std::pair{32u, 28u}, {40u, 36u}, {48u, 40u}}) {
    gpu_call_event wire = Nvidia(0x2b, size);
    Put(wire.after, at, 0x1bu);
    EXPECT_EQ(DecodeGpuCall(wire).status, 0x1bu) << size;
  }
}

TEST(GpuCallTest, AnArgumentThatChangesWhatItAsksForIsAltered) {
  gpu_call_event wire = Nvidia(0x2a, 32);
  Put(wire.before, 8, 0x101u);
  Put(wire.after, 8, 0x101u);
  EXPECT_FALSE(DecodeGpuCall(wire).altered);
  Put(wire.after, 8, 0x83de0315u);
  const GpuCall call = DecodeGpuCall(wire);
  EXPECT_TRUE(call.altered);
  EXPECT_EQ(call.subject, "debug_read_memory");
}

TEST(GpuCallTest, ANewClientIsKnownByWhatTheDriverWroteBack) {
  gpu_call_event wire = Nvidia(0x2b, 48);
  Put(wire.before, 12, 0x41u);
  Put(wire.after, 12, 0x41u);
  Put(wire.after, 0, 0xc1d00001u);
  Put(wire.after, 8, 0xc1d00001u);
  const GpuCall call = DecodeGpuCall(wire);
  EXPECT_EQ(call.client, 0xc1d00001u);
  EXPECT_EQ(call.use, "client");
  EXPECT_FALSE(call.altered);
}

TEST(GpuCallTest, UnknownNumbersAreToldAsNumbers) {
  EXPECT_EQ(DecodeGpuCall(Nvidia(0x77, 16)).call, "0x77");
  EXPECT_EQ(DecodeGpuCall(Nvidia(kXfer, 16)).call, "xfer_cmd");  // the probe could not read what it wraps
  gpu_call_event control = Nvidia(0x2a, 32);
  Put(control.before, 8, 0x12345678u);
  Put(control.after, 8, 0x12345678u);
  EXPECT_EQ(DecodeGpuCall(control).subject, "0x12345678");
  gpu_call_event uvm{.driver = EVENT_GPU_UVM, .number = 4711, .request = 4711};
  EXPECT_EQ(DecodeGpuCall(uvm).call, "0x1267");
}

TEST(GpuCallTest, OtherDrivers) {
  gpu_call_event read{.driver = EVENT_GPU_UVM, .number = 62, .request = 62};
  read.before_len = read.after_len = 40;
  Put(read.before, 8, uint64_t{1} << 30);
  Put(read.after, 8, uint64_t{1} << 30);
  EXPECT_EQ(DecodeGpuCall(read).use, "read_process");
  EXPECT_EQ(DecodeGpuCall(read).bytes, uint64_t{1} << 30);

  gpu_call_event criu{.driver = EVENT_GPU_KFD, .number = 0x22, .request = 0xc0384b22};
  criu.before_len = criu.after_len = 56;
  Put(criu.after, 44, 4242);
  Put(criu.before, 44, 4242);
  EXPECT_EQ(DecodeGpuCall(criu).use, "");  // only asks
  Put(criu.after, 48, 1u);
  EXPECT_EQ(DecodeGpuCall(criu).use, "checkpoint");
  EXPECT_EQ(DecodeGpuCall(criu).target, 4242);

  gpu_call_event verbs{.driver = EVENT_GPU_VERBS, .number = 1, .request = 0xc0181b01};
  verbs.after_len = 24;
  Put(verbs.after, 2, uint16_t{7});
  Put(verbs.after, 4, uint16_t{4});
  EXPECT_EQ(DecodeGpuCall(verbs).call, "reg_dmabuf_mr");
}

TEST(GpuCallTest, NothingReadIsNothingTold) {
  for (uint32_t driver = 0; driver < 12; ++driver) {
    for (uint32_t number = 0; number < 256; ++number) {
      gpu_call_event wire{.driver = driver, .number = number, .request = number};
      const GpuCall call = DecodeGpuCall(wire);
      EXPECT_EQ(call.other, 0u);
      EXPECT_EQ(call.target, 0);
      EXPECT_FALSE(call.altered);
    }
  }
}

}  // namespace
}  // namespace tensorwarden
