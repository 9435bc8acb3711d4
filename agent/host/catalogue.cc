#include "agent/host/catalogue.h"

#include <algorithm>

namespace tensorwarden {
namespace {

enum class By : uint8_t {
  kProgram,  // the executable's or script's name, without directory and .py
  kPrefix,   // the same, its beginning
  kModule,   // python -m, or a component prefix of it
  kComm,     // beginning of comm: set by the program itself (setproctitle)
  kArgument  // any whole argument: java's main class
};

struct Row {
  std::string_view kind;
  Role role;
  bool serves;
  By by;
  std::string_view pattern;
  std::string_view subcommand;  // one of the first arguments after the program must be this; "" any
};

// Processes and command lines as the servers' own documentation and process tables show them.
constexpr Row kRows[] = {
    {"vllm", Role::kInference, true, By::kProgram, "vllm", "serve"},
    {"vllm", Role::kInference, true, By::kModule, "vllm.entrypoints", ""},
    {"vllm", Role::kInference, true, By::kComm, "VLLM::", ""},
    {"sglang", Role::kInference, true, By::kModule, "sglang.launch_server", ""},
    {"sglang", Role::kInference, true, By::kModule, "sglang.srt", ""},
    {"sglang", Role::kInference, true, By::kComm, "sglang::", ""},
    {"tgi", Role::kInference, true, By::kPrefix, "text-generation-", ""},
    {"triton", Role::kInference, true, By::kProgram, "tritonserver", ""},
    {"triton", Role::kInference, true, By::kPrefix, "triton_python_backend_stub", ""},
    {"torchserve", Role::kInference, true, By::kProgram, "torchserve", ""},
    {"torchserve", Role::kInference, true, By::kArgument, "org.pytorch.serve.ModelServer", ""},
    {"torchserve", Role::kInference, true, By::kProgram, "model_service_worker", ""},
    {"tensorflow_serving", Role::kInference, true, By::kProgram, "tensorflow_model_server", ""},
    {"ollama", Role::kInference, true, By::kProgram, "ollama", "serve"},
    {"ollama", Role::kInference, true, By::kProgram, "ollama", "runner"},
    {"ollama", Role::kInference, true, By::kProgram, "ollama_llama_server", ""},
    {"llama.cpp", Role::kInference, true, By::kProgram, "llama-server", ""},
    {"llama.cpp", Role::kInference, true, By::kModule, "llama_cpp.server", ""},
    {"lmdeploy", Role::kInference, true, By::kProgram, "lmdeploy", "serve"},
    {"bentoml", Role::kInference, true, By::kProgram, "bentoml", "serve"},
    {"mlflow_model", Role::kInference, true, By::kProgram, "mlflow", "models"},
    {"infinity", Role::kInference, true, By::kProgram, "infinity_emb", ""},
    {"tei", Role::kInference, true, By::kProgram, "text-embeddings-router", ""},
    {"ray", Role::kPipeline, false, By::kProgram, "raylet", ""},
    {"ray", Role::kPipeline, false, By::kProgram, "gcs_server", ""},
    {"ray", Role::kPipeline, false, By::kComm, "ray::", ""},
    {"ray", Role::kPipeline, false, By::kComm, "ray-dashboard", ""},
    {"airflow", Role::kPipeline, false, By::kProgram, "airflow", ""},
    {"prefect", Role::kPipeline, false, By::kProgram, "prefect", ""},
    {"dvc", Role::kPipeline, false, By::kProgram, "dvc", ""},
    {"mlflow", Role::kRegistry, false, By::kProgram, "mlflow", "server"},
    {"mlflow", Role::kRegistry, false, By::kProgram, "mlflow", "ui"},
    {"mlflow", Role::kRegistry, false, By::kModule, "mlflow.server", ""},
    {"torchrun", Role::kTraining, false, By::kProgram, "torchrun", ""},
    {"torchrun", Role::kTraining, false, By::kModule, "torch.distributed", ""},
    {"deepspeed", Role::kTraining, false, By::kProgram, "deepspeed", ""},
    {"deepspeed", Role::kTraining, false, By::kModule, "deepspeed.launcher", ""},
    {"accelerate", Role::kTraining, false, By::kProgram, "accelerate", "launch"},
    {"accelerate", Role::kTraining, false, By::kModule, "accelerate.commands.launch", ""},
    {"horovod", Role::kTraining, false, By::kProgram, "horovodrun", ""},
    {"jupyter", Role::kNotebook, false, By::kPrefix, "jupyter", ""},
    {"jupyter", Role::kNotebook, false, By::kModule, "ipykernel_launcher", ""},
    {"jupyter", Role::kNotebook, false, By::kModule, "jupyter", ""},
};

// Scripts of one's own: python3 train_lora.py.
constexpr std::string_view kTrainingScripts[] = {"train", "finetune", "fine_tune", "pretrain"};
constexpr std::string_view kRuntimes[] = {"torch",      "transformers", "vllm",    "onnxruntime",
                                          "tensorflow", "uvicorn",      "fastapi", "diffusers"};

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view WithoutPy(std::string_view name) {
  return name.ends_with(".py") ? name.substr(0, name.size() - 3) : name;
}

bool IsInterpreter(std::string_view name) {
  return name.starts_with("python") || name.starts_with("pypy") || name == "bash" || name == "sh" || name == "dash";
}

// What runs: the executable, or what an interpreter was told to run.
struct Program {
  std::string_view name;    // without directory and .py
  std::string_view module;  // of -m
  size_t first_argument = 1;
  bool script = false;
};

Program ProgramOf(const ProcessInfo& process) {
  Program program;
  program.name = BaseName(process.path);
  if (program.name.empty() && !process.args.empty()) program.name = BaseName(process.args[0]);
  if (!IsInterpreter(program.name)) return program;
  const bool python = IsPython(process);
  for (size_t i = 1; i < process.args.size(); ++i) {
    const std::string_view arg = process.args[i];
    if (arg == "-m" && python && i + 1 < process.args.size()) {
      program.module = process.args[i + 1];
      program.first_argument = i + 2;
      return program;
    }
    if (arg == "-c") return program;
    if (arg == "-X" || arg == "-W") ++i;  // options that take a value
    if (arg.starts_with('-')) continue;
    program.name = WithoutPy(BaseName(arg));
    program.first_argument = i + 1;
    program.script = python;
    return program;
  }
  return program;
}

bool ModuleMatches(std::string_view module, std::string_view pattern) {
  return module.starts_with(pattern) && (module.size() == pattern.size() || module[pattern.size()] == '.');
}

bool HasSubcommand(const ProcessInfo& process, const Program& program, std::string_view wanted) {
  if (wanted.empty()) return true;
  // Global options may stand before it; four words are enough for every command line of the table.
  const size_t end = std::min(process.args.size(), program.first_argument + 4);
  for (size_t i = program.first_argument; i < end; ++i)
    if (process.args[i] == wanted) return true;
  return false;
}

bool Matches(const Row& row, const ProcessInfo& process, const Program& program) {
  switch (row.by) {
    case By::kProgram:
      return program.name == row.pattern && HasSubcommand(process, program, row.subcommand);
    case By::kPrefix:
      return program.name.starts_with(row.pattern);
    case By::kModule:
      return ModuleMatches(program.module, row.pattern);
    case By::kComm:
      return std::string_view(process.comm).starts_with(row.pattern);
    case By::kArgument:
      return program.name == "java" &&
             std::find(process.args.begin(), process.args.end(), row.pattern) != process.args.end();
  }
  return false;
}

}  // namespace

bool IsPython(const ProcessInfo& process) {
  std::string_view name = BaseName(process.path);
  if (name.empty() && !process.args.empty()) name = BaseName(process.args[0]);
  return name.starts_with("python") || name.starts_with("pypy");
}

Suggestion SuggestRole(const ProcessInfo& process) {
  const Program program = ProgramOf(process);
  for (const Row& row : kRows)
    if (Matches(row, process, program)) return {row.role, row.kind, row.serves};
  if (!program.script) return {};
  for (std::string_view prefix : kTrainingScripts)
    if (program.name.starts_with(prefix)) return {Role::kTraining, "trainer", false};
  return {};
}

bool NamesMlRuntime(const ProcessInfo& process) {
  if (!IsPython(process)) return false;
  for (const std::string& arg : process.args)
    for (std::string_view runtime : kRuntimes)
      if (arg.find(runtime) != std::string::npos) return true;
  return false;
}

bool IsMultiprocessingWorker(const ProcessInfo& process) {
  if (!IsPython(process)) return false;
  return std::any_of(process.args.begin(), process.args.end(), [](const std::string& arg) {
    return arg.starts_with("from multiprocessing.") || arg.starts_with("--multiprocessing-fork");
  });
}

}  // namespace tensorwarden
