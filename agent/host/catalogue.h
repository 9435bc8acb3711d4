// What a process looks like, by its names and arguments. They can be forged, so this only ever suggests.
#pragma once

#include <string>
#include <string_view>

#include "agent/host/host_model.h"

namespace tensorwarden {

struct Suggestion {
  Role role = Role::kNone;
  std::string_view kind;  // "vllm", "triton", ...; static
  bool serves = false;    // a server whose listening ports answer inference requests
  explicit operator bool() const { return role != Role::kNone; }
};

// From comm, path and args.
Suggestion SuggestRole(const ProcessInfo& process);

// True for an interpreter of Python.
bool IsPython(const ProcessInfo& process);

// True when the arguments of a Python program name an ML runtime or a server framework that they are served by.
bool NamesMlRuntime(const ProcessInfo& process);

// True when `process` is a worker that Python's multiprocessing started afresh: its arguments say nothing of its own.
bool IsMultiprocessingWorker(const ProcessInfo& process);

}  // namespace tensorwarden
