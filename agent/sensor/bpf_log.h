// What libbpf would print, kept for errors instead.
#pragma once

#include <string>
#include <vector>

namespace tensorwarden {

// Bounded: the newest 256 lines. libbpf has one callback for the whole process, so there is one log; Take() is meant
// for the thread that just called libbpf.
class BpfLog {
 public:
  // From now on nothing of libbpf reaches stderr. Safe to call again.
  static void Install();
  // Lines since the last call, oldest first.
  static std::vector<std::string> Take();
};

// The lines that say why a load failed, in one: the verifier's last sentence when there is one, else libbpf's own.
std::string LastWords(const std::vector<std::string>& lines);

// The program that libbpf names as the one that failed to load; "" when it names none.
std::string FailedProgram(const std::vector<std::string>& lines);

}  // namespace tensorwarden
