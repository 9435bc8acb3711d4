#include "agent/artifact/known_caches.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace tensorwarden {
namespace {

constexpr const char* kBelowHome[] = {
    ".cache/huggingface/hub",
    ".cache/torch/hub",
    ".cache/torch/sentence_transformers",
    ".ollama/models",
    ".cache/vllm",
    ".cache/modelscope/hub",
    ".keras/models",
    ".cache/lm-studio/models",
    ".cache/llama.cpp",
    ".lmstudio/models",
    "nltk_data",
    "mlruns",
};
constexpr const char* kFixed[] = {
    "/models",
    "/srv/models",
    "/opt/models",
    "/data/models",
    "/mnt/models",
    "/model-store",
    "/model_repository",
    "/opt/tritonserver/models",
    "/var/lib/ollama",
    "/var/lib/tritonserver",
    "/var/lib/models",
    "/usr/share/ollama/.ollama/models",
    "/opt/nim/.cache",
    "/opt/ml/model",
    "/var/lib/localai",
    "/srv/triton",
    "/var/lib/mlflow",
    "/var/lib/torchserve",
    "/home/model-server/model-store",
};
struct Variable {
  const char* name;
  const char* below;
};
constexpr Variable kVariables[] = {{"HF_HOME", "/hub"},
                                   {"HF_HUB_CACHE", ""},
                                   {"HUGGINGFACE_HUB_CACHE", ""},
                                   {"TORCH_HOME", "/hub"},
                                   {"OLLAMA_MODELS", ""}};
constexpr size_t kMaxHomes = 4096;
constexpr size_t kMaxLineBytes = 4096;

bool IsDirectory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Home directories of /etc/passwd. The file, not the name service: that may ask the network.
std::vector<std::string> Homes(const std::string& root) {
  std::vector<std::string> homes;
  std::ifstream passwd(root + "/etc/passwd");
  for (std::string line; homes.size() < kMaxHomes && std::getline(passwd, line);) {
    if (line.size() > kMaxLineBytes) continue;
    const size_t end = line.rfind(':');
    const size_t start = end == std::string::npos || end == 0 ? std::string::npos : line.rfind(':', end - 1);
    if (start == std::string::npos) continue;
    const std::string home = line.substr(start + 1, end - start - 1);
    if (home.size() > 1 && home.front() == '/') homes.push_back(root + home);
  }
  return homes;
}

}  // namespace

std::vector<std::string> KnownCaches(const std::string& root) {
  std::vector<std::string> caches;
  const auto add = [&caches](const std::string& path) {
    if (IsDirectory(path)) caches.push_back(path);
  };
  for (const std::string& home : Homes(root))
    for (const char* below : kBelowHome) add(home + "/" + below);
  for (const char* fixed : kFixed) add(root + fixed);
  for (const Variable& variable : kVariables) {
    const char* value = std::getenv(variable.name);
    if (value != nullptr && value[0] == '/') add(std::string(value) + variable.below);
  }
  std::sort(caches.begin(), caches.end());
  caches.erase(std::unique(caches.begin(), caches.end()), caches.end());
  return caches;
}

}  // namespace tensorwarden
