#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/abi/config.h"
#include "bpf/abi/event.h"
#include "tests/support/builders.h"

namespace tensorwarden {
namespace {

using testing::ExecFacts;
using testing::File;
using ::testing::IsEmpty;
using testing::kSecond;
using testing::Pid;
using ::testing::SizeIs;
using testing::TestHost;

TEST(HostProcessTest, AChildCopiesItsParentsImageLabelsAndJob) {
  TestHost host;
  host.Exec(100, {.comm = "bash", .path = "/bin/bash", .args = {"bash", "-l"}});
  host.Feed(100, testing::LabelsTo(4));
  host.Fork(100, 101);
  EXPECT_EQ(host.Process(101).comm, "bash");
  EXPECT_EQ(host.Process(101).cmdline, "bash -l");
  EXPECT_EQ(host.Process(101).labels, 4u);
  EXPECT_EQ(host.Process(101).tree, Pid(100));
}

TEST(HostProcessTest, ExecKeepsLabelsAndJobAndChangesTheImage) {
  TestHost host;
  host.Exec(100);
  host.Fork(100, 101);
  host.Feed(101, testing::LabelsTo(1));
  host.Exec(101, {.parent = 100, .comm = "curl"});
  EXPECT_EQ(host.Process(101).comm, "curl");
  EXPECT_EQ(host.Process(101).labels, 1u);
  EXPECT_EQ(host.Process(101).tree, Pid(100));
}

TEST(HostProcessTest, AProcessNeverHeardOfGetsAMinimalEntry) {
  TestHost host;
  host.Feed(77, FileRead{.file = File(1), .labels = 2});
  EXPECT_EQ(host.Process(77).labels, 2u);
  EXPECT_EQ(host.Process(77).tree, Pid(77));
  EXPECT_EQ(host.Process(77).path, "");
}

TEST(HostProcessTest, AUsedAgainPidIsAnotherProcess) {
  TestHost host;
  host.Feed(1, ProcessFork{{500, 10}});
  host.Feed(1, ProcessFork{{500, 20}});
  EXPECT_NE(host.model().Process({500, 10})->exit_ns, 0u) << "its exit was missed, but it must be dead";
  EXPECT_EQ(host.model().Process({500, 20})->exit_ns, 0u);
  EXPECT_EQ(host.model().Process({500, 0})->key.start_ns, 20u) << "a bare pid is who has it now";
}

TEST(HostProcessTest, TheDeadAreKeptAWhileThenForgottenUncounted) {
  TestHost host;
  host.Exec(100);
  host.Feed(100, ProcessExit{});
  ASSERT_NE(host.model().Process(Pid(100)), nullptr);
  host.now_ns += 601 * kSecond;
  host.Feed(0, ClockTick{});
  EXPECT_EQ(host.model().Process(Pid(100)), nullptr);
  EXPECT_EQ(host.model().Stats().evicted_processes, 0u);
}

TEST(HostProcessTest, AFullTableForgetsTheDeadFirstAndCounts) {
  TestHost host({.max_processes = 4});
  host.Exec(100);
  host.Exec(101);
  host.Feed(101, ProcessExit{});
  host.Exec(102);
  host.Exec(103);
  EXPECT_EQ(host.model().Process(Pid(101)), nullptr);
  EXPECT_NE(host.model().Process(Pid(100)), nullptr);
  EXPECT_EQ(host.model().Stats().evicted_processes, 1u);
}

TEST(HostProcessTest, AFullTableOfTheLivingForgetsALeafWithoutARole) {
  TestHost host({.max_processes = 4});
  host.Exec(100, {.parent = 1, .path = "/usr/bin/tritonserver", .args = {"tritonserver"}});
  host.Exec(101, {.parent = 1});
  host.Exec(102, {.parent = 1});
  host.Exec(103, {.parent = 1});
  EXPECT_NE(host.model().Process(Pid(100)), nullptr);
  EXPECT_EQ(host.model().Process(Pid(101)), nullptr) << "the oldest leaf that nothing is known of";
  EXPECT_LE(host.model().Stats().processes, 4u);
}

TEST(HostProcessTest, TheNumberOfDeadIsBounded) {
  TestHost host({.max_dead_processes = 2});
  for (uint32_t pid = 100; pid < 110; ++pid) {
    host.Exec(pid);
    host.Feed(pid, ProcessExit{});
  }
  EXPECT_EQ(host.model().Stats().processes, 3u) << "init and two dead";
  EXPECT_EQ(host.model().Stats().evicted_processes, 8u);
}

TEST(JobTest, EachSessionOfSshdIsAJobAndItsShellTheRoot) {
  TestHost host;
  host.Exec(50, {.comm = "sshd"});
  host.Fork(50, 51);
  host.Exec(51, {.parent = 50, .comm = "bash"});
  host.Fork(51, 52);
  host.Exec(52, {.parent = 51, .comm = "curl"});
  host.Fork(50, 61);
  host.Exec(61, {.parent = 50, .comm = "bash"});
  EXPECT_EQ(host.Process(52).tree, Pid(51));
  EXPECT_EQ(host.Process(61).tree, Pid(61));
}

TEST(JobTest, EnteringAControlGroupOfItsOwnStartsAJob) {
  TestHost host;
  host.Exec(100, {.cgroup = "/user.slice/session-1.scope"});
  host.Fork(100, 101);
  host.Exec(101, {.parent = 100, .cgroup = "/user.slice/run-7.scope"});
  EXPECT_EQ(host.Process(101).tree, Pid(101));
}

TEST(JobTest, AnOrphanThatInitTookOverStartsAJobWhenItExecs) {
  TestHost host;
  host.Exec(100, {.comm = "bash"});
  host.Fork(100, 101);
  host.Exec(101, {.parent = 1, .comm = "curl"});
  EXPECT_EQ(host.Process(101).tree, Pid(101));
}

TEST(JobTest, AParentSnapshotAfterItsChildStillRootsTheJob) {
  TestHost host;
  host.Feed(300, ProcessSnapshot{testing::Image({.parent = 200, .comm = "worker"})});
  host.Feed(200, ProcessSnapshot{testing::Image({.parent = 150, .comm = "front"})});
  host.Feed(150, ProcessSnapshot{testing::Image({.parent = 1, .comm = "containerd-shim"})});
  EXPECT_EQ(host.Process(300).tree, Pid(200));
}

TEST(RoleTest, ParsesItsNamesAndNamesTheChoicesOtherwise) {
  EXPECT_EQ(*ParseRole("training"), Role::kTraining);
  EXPECT_STREQ(RoleName(Role::kAdmin), "admin");
  EXPECT_EQ(ParseRole("trainer").status().code(), absl::StatusCode::kNotFound);
}

struct Suggested {
  const char* name;
  ExecFacts facts;
  Role role;
  const char* workload;
};

class SuggestTest : public ::testing::TestWithParam<Suggested> {};

TEST_P(SuggestTest, RoleByNamesAndArguments) {
  TestHost host;
  host.Exec(100, GetParam().facts);
  EXPECT_EQ(host.Process(100).role, GetParam().role);
  EXPECT_EQ(host.Process(100).workload, GetParam().workload);
  EXPECT_FALSE(host.Process(100).role_confirmed);
}

ExecFacts Python(std::vector<std::string> args) {
  args.insert(args.begin(), "python3");
  return {.comm = "python3", .path = "/usr/bin/python3.11", .args = std::move(args)};
}

ExecFacts Program(const std::string& path, std::vector<std::string> args) {
  args.insert(args.begin(), path);
  return {.path = path, .args = std::move(args)};
}

INSTANTIATE_TEST_SUITE_P(
    Catalogue, SuggestTest,
    ::testing::ValuesIn(std::vector<Suggested>{
        {"VllmScript", Python({"/usr/local/bin/vllm", "serve", "m"}), Role::kInference, "suggested:vllm"},
        {"VllmModule", Python({"-m", "vllm.entrypoints.openai.api_server"}), Role::kInference, "suggested:vllm"},
        {"VllmWorker", {.comm = "VLLM::EngineCor", .path = "/usr/bin/python3"}, Role::kInference, "suggested:vllm"},
        {"VllmBench", Python({"/usr/local/bin/vllm", "bench"}), Role::kNone, ""},
        {"EditorOfVllm", Program("/usr/bin/vim", {"vllm"}), Role::kNone, ""},
        {"Sglang", Python({"-u", "-m", "sglang.launch_server"}), Role::kInference, "suggested:sglang"},
        {"Tgi", Program("/usr/bin/text-generation-launcher", {}), Role::kInference, "suggested:tgi"},
        {"Triton", Program("/opt/tritonserver/bin/tritonserver", {}), Role::kInference, "suggested:triton"},
        {"TorchServe", Program("/usr/bin/java", {"-cp", "x", "org.pytorch.serve.ModelServer"}), Role::kInference,
         "suggested:torchserve"},
        {"Ollama", Program("/usr/bin/ollama", {"serve"}), Role::kInference, "suggested:ollama"},
        {"OllamaPull", Program("/usr/bin/ollama", {"pull", "m"}), Role::kNone, ""},
        {"LlamaCpp", Program("/opt/llama-server", {"-m", "m.gguf"}), Role::kInference, "suggested:llama.cpp"},
        {"Raylet", Program("/usr/bin/raylet", {}), Role::kPipeline, "suggested:ray"},
        {"MlflowServer", Python({"/usr/bin/mlflow", "server"}), Role::kRegistry, "suggested:mlflow"},
        {"MlflowModels", Python({"/usr/bin/mlflow", "models", "serve"}), Role::kInference, "suggested:mlflow_model"},
        {"Torchrun", Python({"/usr/bin/torchrun", "x.py"}), Role::kTraining, "suggested:torchrun"},
        {"TorchrunModule", Python({"-m", "torch.distributed.run"}), Role::kTraining, "suggested:torchrun"},
        {"TrainScript", Python({"-u", "/home/a/train_lora.py"}), Role::kTraining, "suggested:trainer"},
        {"ShellTrainScript", Program("/bin/bash", {"train.sh"}), Role::kNone, ""},
        {"Jupyter", Python({"/usr/bin/jupyter-lab"}), Role::kNotebook, "suggested:jupyter"},
        {"HttpServer", Python({"-m", "http.server"}), Role::kNone, ""},
    }),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SuggestTest, AWorkerThatPythonStartedAfreshIsWhatItsParentIs) {
  TestHost host;
  host.Exec(100, Python({"/usr/local/bin/vllm", "serve", "m"}));
  host.Fork(100, 101);
  ExecFacts worker = Python({"-c", "from multiprocessing.spawn import spawn_main; spawn_main()"});
  worker.parent = 100;
  host.Exec(101, worker);
  EXPECT_EQ(host.Process(101).workload, "suggested:vllm");
}

HostModelConfig Confirming(WorkloadSpec spec) {
  HostModelConfig config;
  config.workloads.push_back(std::move(spec));
  return config;
}

TEST(ConfirmTest, ByControlGroupOfWholeComponents) {
  TestHost host(Confirming({.name = "trainer", .role = Role::kTraining, .cgroup = "/ml/train"}));
  host.Exec(100, {.cgroup = "/ml/train/job1"});
  host.Exec(101, {.cgroup = "/ml/training"});
  EXPECT_TRUE(host.Process(100).role_confirmed);
  EXPECT_EQ(host.Process(100).workload, "trainer");
  EXPECT_FALSE(host.Process(101).role_confirmed);
}

TEST(ConfirmTest, EveryGivenFactMustMatch) {
  TestHost host(
      Confirming({.name = "t", .role = Role::kTraining, .exe = "/opt/train", .unit = "train.service", .uid = 7}));
  const auto confirmed = [&](std::string path, std::string cgroup, uint32_t uid) {
    host.Exec(100, {.path = std::move(path), .cgroup = std::move(cgroup), .uid = uid});
    return host.Process(100).role_confirmed;
  };
  EXPECT_TRUE(confirmed("/opt/train", "/system.slice/train.service", 7));
  EXPECT_FALSE(confirmed("/opt/train2", "/system.slice/train.service", 7));
  EXPECT_FALSE(confirmed("/opt/train", "/system.slice/train.service2", 7));
  EXPECT_FALSE(confirmed("/opt/train", "/system.slice/train.service", 8));
}

TEST(ConfirmTest, AUnitIsTheSystemsAndNoNameBelowIt) {
  TestHost host(Confirming({.name = "t", .role = Role::kTraining, .unit = "train.service"}));
  const auto confirmed = [&](std::string cgroup) {
    host.Exec(100, {.cgroup = std::move(cgroup)});
    return host.Process(100).role_confirmed;
  };
  EXPECT_TRUE(confirmed("/ml.slice/ml-big.slice/train.service/worker"));
  EXPECT_FALSE(confirmed("/user.slice/user-1000.slice/user@1000.service/app.slice/train.service"));
  EXPECT_FALSE(confirmed("/system.slice/docker-4711.scope/system.slice/train.service"));
  EXPECT_FALSE(confirmed("/kubepods/pod1/train.service"));
}

TEST(ConfirmTest, APathInMountsOfAUsersMakingNeedsAControlGroupToVouchForIt) {
  TestHost by_exe(Confirming({.name = "t", .role = Role::kTraining, .exe = "/opt/train"}));
  TestHost by_both(Confirming({.name = "t", .role = Role::kTraining, .exe = "/opt/train", .unit = "train.service"}));
  uint32_t child = 100;
  const auto confirmed = [&](TestHost& host, uint16_t flags) {
    host.Exec(100, {.path = "/opt/train", .cgroup = "/system.slice/train.service"}, flags);
    host.Fork(100, ++child);
    return host.Process(child).role_confirmed;
  };
  EXPECT_TRUE(confirmed(by_exe, 0));
  EXPECT_FALSE(confirmed(by_exe, EVENT_F_USER_MOUNTS));
  EXPECT_TRUE(confirmed(by_both, EVENT_F_USER_MOUNTS));
}

TEST(ConfirmTest, AnotherProgramInTheSameControlGroupIsConfirmedOnlyWhenNoProgramIsNamed) {
  TestHost by_cgroup(Confirming({.name = "t", .role = Role::kTraining, .cgroup = "/ml"}));
  TestHost by_exe(Confirming({.name = "t", .role = Role::kTraining, .exe = "/opt/train", .cgroup = "/ml"}));
  for (TestHost* host : {&by_cgroup, &by_exe}) {
    host->Exec(100, {.path = "/opt/train", .cgroup = "/ml"});
    host->Fork(100, 101);
    EXPECT_TRUE(host->Process(101).role_confirmed) << "still the same program";
    host->Exec(101, {.parent = 100, .path = "/usr/bin/curl", .cgroup = "/ml"});
  }
  EXPECT_TRUE(by_cgroup.Process(101).role_confirmed);
  EXPECT_FALSE(by_exe.Process(101).role_confirmed);
}

TEST(ConfirmTest, AWorkloadThatConfirmsByNothingIsRefusedByName) {
  const auto model = HostModel::Create(Confirming({.name = "open door", .role = Role::kAdmin}));
  ASSERT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()), ::testing::HasSubstr("open door"));
}

TEST(ConfirmTest, AProcessKnownOnlyByItsKeyIsNotRoot) {
  TestHost host(Confirming({.name = "root", .role = Role::kAdmin, .uid = 0}));
  host.Feed(100, FileRead{});
  EXPECT_FALSE(host.Process(100).role_confirmed);
}

TEST(FlagTest, APythonProgramWithoutANameOfItsOwnIsAskedForModelsToo) {
  TestHost host;
  host.Exec(101, Python({"app.py"}));
  ASSERT_THAT(host.All<FlagProcess>(), SizeIs(1));
  EXPECT_EQ(host.All<FlagProcess>()[0].flags, uint32_t{PROCESS_F_DISCOVER});
}

TEST(FlagTest, ConfirmedAndAiProcessesAreFlaggedAndAChildToo) {
  TestHost host(Confirming({.name = "ops", .role = Role::kAdmin, .exe = "/opt/ops"}));
  host.Exec(100, {.path = "/opt/ops"});
  ASSERT_THAT(host.All<FlagProcess>(), SizeIs(1));
  EXPECT_EQ(host.All<FlagProcess>()[0].flags, uint32_t{PROCESS_F_CONFIRMED});
  host.Exec(101, Python({"train.py"}));
  ASSERT_THAT(host.All<FlagProcess>(), SizeIs(1));
  EXPECT_EQ(host.All<FlagProcess>()[0].flags, uint32_t{PROCESS_F_DISCOVER});
  host.Fork(101, 102);
  ASSERT_THAT(host.All<FlagProcess>(), SizeIs(1));
  EXPECT_EQ(host.All<FlagProcess>()[0].process, Pid(102));
}

TEST(FlagTest, AChildThatBecomesSomethingElseLosesTheFlags) {
  TestHost host;
  host.Exec(101, Python({"train.py"}));
  host.Fork(101, 102);
  host.Exec(102, {.parent = 101, .path = "/bin/ls"});
  ASSERT_THAT(host.All<FlagProcess>(), SizeIs(1));
  EXPECT_EQ(host.All<FlagProcess>()[0].flags, 0u);
}

TEST(FlagTest, AnOrdinaryProcessCausesNoEffect) {
  TestHost host;
  host.Exec(100);
  host.Fork(100, 101);
  EXPECT_THAT(host.effects, IsEmpty());
}

TEST(ClockTest, RealTimeFollowsTheLastTick) {
  TestHost host;
  host.Feed(0, AgentStart{.hostname = "h", .realtime_offset_ns = 100});
  EXPECT_EQ(host.model().RealtimeNs(5), 105);
  host.Feed(0, ClockTick{.realtime_offset_ns = 200});
  EXPECT_EQ(host.model().RealtimeNs(5), 205);
  EXPECT_EQ(host.model().Start().hostname, "h");
}

TEST(RestoreTest, HoldersOfAnEarlierRunHaveTheirLabels) {
  TestHost host;
  StateRestored restored;
  restored.holders.push_back({.process = Pid(100), .object = EVENT_OBJECT_PROCESS, .labels = 8});
  restored.holders.push_back({.file = File(9), .object = EVENT_OBJECT_FILE, .labels = 4});
  host.Feed(0, restored);
  EXPECT_EQ(host.Process(100).labels, 8u);
  EXPECT_EQ(host.model().DerivedLabels(File(9)), 4u);
}

TEST(ConfigTest, EveryBoundMustBeAboveZero) {
  EXPECT_FALSE(HostModel::Create({.max_processes = 0}).ok());
  EXPECT_FALSE(HostModel::Create({.max_assets = 0}).ok());
  EXPECT_FALSE(HostModel::Create({.max_dead_processes = 0}).ok());
}

}  // namespace
}  // namespace tensorwarden
