#include <fmt/format.h>

#include <iterator>

#include "agent/base/text_escape.h"
#include "agent/sink/encode_json.h"
#include "agent/sink/evidence_text.h"
#include "agent/sink/sinks.h"

namespace tensorwarden {
namespace {

std::string EncodeText(const Alert& alert) {
  std::string line =
      fmt::format("{} {} {} [{}{}{}] {}", Rfc3339(alert.time_ns), PriorityName(alert.priority), alert.rule,
                  alert.activity, alert.stage.empty() ? "" : " ", alert.stage, alert.summary);
  if (!alert.evidence.empty()) line += fmt::format(" ({})", alert.evidence);
  if (alert.seen) {
    const std::string stack = StackText(*alert.seen);
    line += fmt::format(" (call: {}; {} open files)", stack.empty() ? "not known" : stack,
                        alert.seen->descriptors.size() + alert.seen->more_descriptors);
  }
  return ToPrintable(fmt::format("{} id={}", line, alert.id));
}

struct EncoderRow {
  AlertFormat format;
  std::string (*encode)(const Alert&);
};
constexpr EncoderRow kEncoders[] = {
    {AlertFormat::kJson, EncodeOwnJson}, {AlertFormat::kFalco, EncodeFalcoJson}, {AlertFormat::kText, EncodeText}};

}  // namespace

std::string EncodeAlert(const Alert& alert, AlertFormat format) {
  for (const EncoderRow& row : kEncoders) {
    if (row.format == format) return row.encode(alert);
  }
  return EncodeOwnJson(alert);
}

}  // namespace tensorwarden
