// Alerts as lines on a descriptor: stdout in the agent, a pipe in tests.
#pragma once

#include <memory>

#include "agent/sink/sinks.h"

namespace tensorwarden {

// `fd` is not owned. The process must ignore SIGPIPE. Deliver waits at most a second for a reader that is behind; then,
// and when there is no reader, it is Unavailable.
std::unique_ptr<Sink> MakeStreamSink(int fd, AlertFormat format);

}  // namespace tensorwarden
