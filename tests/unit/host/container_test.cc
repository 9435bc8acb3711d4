#include "agent/host/container.h"

#include <gtest/gtest.h>

#include <string>

namespace tensorwarden {
namespace {

const std::string kId = std::string(52, 'a') + "0123456789ef";

struct ContainerCase {
  const char* name;
  std::string cgroup;
  std::string id;
  const char* runtime = "";
  const char* pod = "";
};

class ContainerTest : public ::testing::TestWithParam<ContainerCase> {};

TEST_P(ContainerTest, ThePathTellsTheContainer) {
  const ContainerId found = ContainerOf(GetParam().cgroup);
  EXPECT_EQ(found.id, GetParam().id);
  EXPECT_EQ(found.runtime, GetParam().runtime);
  EXPECT_EQ(found.pod, GetParam().pod);
}

INSTANTIATE_TEST_SUITE_P(
    Runtimes, ContainerTest,
    ::testing::ValuesIn(std::vector<ContainerCase>{
        {"DockerSystemd", "/system.slice/docker-" + kId + ".scope", kId, "docker"},
        {"DockerCgroupfs", "/docker/" + kId, kId, "docker"},
        {"SystemdInDocker", "/docker/" + kId + "/system.slice/app.service", kId, "docker"},
        {"Podman", "/machine.slice/libpod-" + kId + ".scope/container", kId, "podman"},
        {"PodmanRootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope", kId,
         "podman"},
        {"Containerd", "/system.slice/nerdctl-" + kId + ".scope", kId, "containerd"},
        {"KubernetesContainerd",
         "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice/"
         "cri-containerd-" +
             kId + ".scope",
         kId, "containerd", "11111111_2222_3333_4444_555555555555"},
        {"KubernetesCgroupfs", "/kubepods/besteffort/pod11111111-2222-3333-4444-555555555555/" + kId, kId, "container",
         "11111111-2222-3333-4444-555555555555"},
        {"KubernetesCrio",
         "/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice/crio-" + kId + ".scope", kId, "cri-o",
         "11111111_2222_3333_4444_555555555555"},
        {"Lxc", "/lxc.payload.build7/init.scope", "build7", "lxc"},
        {"Nspawn", "/machine.slice/systemd-nspawn@web.service/payload", "web", "nspawn"},
        {"DockerInPodman", "/machine.slice/libpod-" + kId + ".scope/docker/" + std::string(64, 'b'),
         std::string(64, 'b'), "docker"},
        {"Conmon", "/machine.slice/libpod-conmon-" + kId + ".scope", ""},
        {"Host", "/system.slice/ssh.service", ""},
        {"Root", "/", ""},
        {"Unknown", "", ""},
        {"ShortHash", "/docker/abcdef", ""},
        {"NotHex", "/system.slice/docker-" + std::string(64, 'z') + ".scope", ""},
        {"PodSandboxOnly", "/kubepods/pod11111111-2222-3333-4444-555555555555", ""}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ContainerTest, TheShortIdIsFalcos) {
  const std::string path = "/docker/" + kId;
  EXPECT_EQ(ContainerOf(path).ShortId(), "aaaaaaaaaaaa");
}

}  // namespace
}  // namespace tensorwarden
