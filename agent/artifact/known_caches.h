// Directories where models lie without anybody telling us.
#pragma once

#include <string>
#include <vector>

namespace tensorwarden {

// Those that exist: caches of each home directory (Hugging Face hub, Ollama, torch hub, ...) and of HF_HOME and its
// kin, model repositories of servers, and the usual places below /srv, /opt and /var/lib. Sorted, without repeats.
// `root` stands before every path that is not from the environment.
std::vector<std::string> KnownCaches(const std::string& root = "");

}  // namespace tensorwarden
