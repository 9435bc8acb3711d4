#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>

#include "agent/evidence/proc_maps.h"
#include "agent/helpers/sandbox.h"
#include "agent/helpers/symbols/resolve.h"

// With C's name and beyond this file, so that it has a symbol.
extern "C" __attribute__((noinline)) int SymbolsTestLandmark(int x) { return x * 3 + 1; }

namespace tensorwarden::symbols {
namespace {

std::string OwnMaps() {
  std::stringstream text;
  text << std::ifstream("/proc/self/maps").rdbuf();
  return text.str();
}

uint64_t FileOffset(const void* address) {
  const std::vector<Mapping> mappings = ParseMaps(OwnMaps());
  const auto at = reinterpret_cast<uint64_t>(address);
  const Mapping* mapping = FindMapping(mappings, at);
  return mapping == nullptr ? 0 : at - mapping->start + mapping->offset;
}

std::vector<UniqueFd> Files(const char* path) {
  std::vector<UniqueFd> files;
  files.emplace_back(open(path, O_RDONLY | O_CLOEXEC));
  return files;
}

std::vector<UniqueFd> FileOf(std::string_view bytes) {
  std::vector<UniqueFd> files;
  files.emplace_back(memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(write(files[0].get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return files;
}

SymbolRequest Ask(std::vector<SymbolQuery> frames) {
  return {.process = {1, 1}, .modules = 1, .frames = std::move(frames)};
}

TEST(ResolveTest, AFunctionIsNamedAtItsStartAndInside) {
  const uint64_t offset = FileOffset(reinterpret_cast<void*>(&SymbolsTestLandmark));
  const SymbolReply reply = Resolve(Ask({{0, offset + 1}, {0, offset}, {0, 0}}), Files("/proc/self/exe"));
  ASSERT_EQ(reply.size(), 3u);
  EXPECT_EQ(reply[0], (SymbolName{"SymbolsTestLandmark", 1}));
  EXPECT_EQ(reply[1], (SymbolName{"SymbolsTestLandmark", 0}));
  EXPECT_EQ(reply[2].function, "") << "the file's header is no code";
}

TEST(ResolveTest, CxxNamesAreReadable) {
  const uint64_t offset = FileOffset(reinterpret_cast<void*>(&Resolve));
  EXPECT_THAT(Resolve(Ask({{0, offset}}), Files("/proc/self/exe"))[0].function,
              ::testing::StartsWith("tensorwarden::symbols::Resolve("));
}

TEST(ResolveTest, WhatIsNoElfHasNoNames) {
  for (const std::string& bytes : {std::string(),
                                   std::string("\x7f"
                                               "ELF"),
                                   std::string(4096, '\xff')})
    EXPECT_EQ(Resolve(Ask({{0, 10}}), FileOf(bytes)), SymbolReply(1));
  EXPECT_EQ(Resolve(Ask({{0, 10}}), Files("/dev/zero")), SymbolReply(1)) << "a device would never end";
  EXPECT_EQ(Resolve(Ask({{0, 10}}), {}), SymbolReply(1));
}

// In a process of its own: BCC is not ours, and the helper may die of a file; it must not hang.
int StatusOf(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

TEST(ResolveTest, ACutOrTurnedElfEndsInTime) {
  std::stringstream text;
  text << std::ifstream("/bin/true", std::ios::binary).rdbuf();
  const std::string whole = text.str();
  for (size_t at = 4; at < whole.size(); at += whole.size() / 60) {
    std::string turned = whole;
    turned[at] = static_cast<char>(turned[at] ^ 0xff);
    for (const std::string& bytes : {whole.substr(0, at), turned}) {
      const int status = StatusOf([&] {
        helpers::SetClock(10);
        Resolve(Ask({{0, 0x2000}, {0, 0x3000}}), FileOf(bytes));
        return 0;
      });
      EXPECT_FALSE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) << at;
    }
  }
}

constexpr int kKept = 3;

// The tests' own standard files go on, whatever number the kept one has.
bool Enter() {
  dup2(open("/dev/null", O_RDONLY), kKept);
  return helpers::EnterSandbox({.last_fd = kKept});
}

TEST(SandboxTest, NamesCanStillBeFound) {
  const int status = StatusOf([] {
    const uint64_t offset = FileOffset(reinterpret_cast<void*>(&SymbolsTestLandmark));
    dup2(open("/proc/self/exe", O_RDONLY), kKept);
    if (!helpers::EnterSandbox({.last_fd = kKept})) return 1;
    std::vector<UniqueFd> files;
    files.emplace_back(kKept);
    return Resolve(Ask({{0, offset}}), files)[0].function == "SymbolsTestLandmark" ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

TEST(SandboxTest, NothingIsWrittenStartedOrSentToOthers) {
  const std::function<void()> deeds[] = {
      [] { open("/tmp/tensorwarden-never", O_WRONLY | O_CREAT, 0600); },
      [] { execl("/bin/true", "true", nullptr); },
      [] { fork(); },
      [] { socket(AF_INET, SOCK_STREAM, 0); },
      [] { kill(getppid(), 0); },
      [] { unlink("/tmp/tensorwarden-never"); },
  };
  for (size_t i = 0; i < std::size(deeds); ++i) {
    const int status = StatusOf([&] {
      if (!Enter()) return 1;
      deeds[i]();
      return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << "deed " << i << ", status " << status;
  }
}

TEST(SandboxTest, NoRightsAreLeft) {
  if (geteuid() != 0) GTEST_SKIP() << "has no rights to begin with";
  const int status = StatusOf([] {
    if (!Enter()) return 1;
    return open("/etc/shadow", O_RDONLY) < 0 ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tensorwarden::symbols
