#include "agent/sink/sinks.h"

#include <fmt/format.h>
#include <unistd.h>

#include "agent/sink/file_sink.h"
#include "agent/sink/stdout_sink.h"

namespace tensorwarden {
namespace {

absl::StatusOr<std::unique_ptr<Sink>> CreateStdoutSink(const SinkConfig& config) {
  return MakeStreamSink(STDOUT_FILENO, config.format);
}

// A new sink is a row here.
struct SinkRow {
  std::string_view type;
  absl::StatusOr<std::unique_ptr<Sink>> (*create)(const SinkConfig& config);
};
constexpr SinkRow kSinks[] = {{"stdout", CreateStdoutSink}, {"file", CreateFileSink}};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> CreateSink(const SinkConfig& config) {
  std::string known;
  for (const SinkRow& row : kSinks) {
    if (row.type == config.type) return row.create(config);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.type);
  }
  return absl::InvalidArgumentError(fmt::format("unknown output type '{}'; known: {}", config.type, known));
}

}  // namespace tensorwarden
