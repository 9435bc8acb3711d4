#include "agent/alert/alert_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "agent/enrich/field_table.h"

namespace tensorwarden {
namespace {

constexpr size_t kMaxSummaryBytes = 512;
constexpr size_t kMaxExceptionValueBytes = 1024;

std::string Actor(const Alert& alert) {
  if (alert.process.pid == 0) return "An unknown process";
  const size_t slash = alert.process.executable.rfind('/');
  const std::string name = alert.process.executable.substr(slash == std::string::npos ? 0 : slash + 1);
  return fmt::format("{} (pid {}, uid {})", name.empty() ? "A process" : name, alert.process.pid, alert.uid);
}

std::string Asset(const Alert& alert) {
  if (!alert.asset_name.empty()) return alert.asset_name;
  return alert.asset_path.empty() ? "a protected asset" : alert.asset_path;
}

std::string Destination(const Alert& alert) {
  if (alert.destination.empty()) return "a destination that is not known";
  const bool six = alert.destination.find(':') != std::string::npos;
  const std::string address = six ? fmt::format("[{}]", alert.destination) : alert.destination;
  return alert.destination_port == 0 ? alert.destination : fmt::format("{}:{}", address, alert.destination_port);
}

std::string Words(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string EgressSummary(const Alert& alert, const Finding& finding) {
  return fmt::format("{} sent {} of {} ({:.3g}%) to {}.", Actor(alert), HumanBytes(finding.value), Asset(alert),
                     finding.share * 100, Destination(alert));
}

std::string IntegritySummary(const Alert& alert, const Finding& finding) {
  const std::string path = alert.asset_path.empty() ? Asset(alert) : alert.asset_path;
  return fmt::format("{} changed {}: {}.", Actor(alert), path, Words(finding.what));
}

std::string ExtractionSummary(const Alert& alert, const Finding& finding) {
  return fmt::format("Client {} reached {:g} {} at {}: {}.", alert.client, finding.value,
                     finding.unit.empty() ? "requests" : finding.unit, Actor(alert), Words(finding.what));
}

struct SummaryRow {
  std::string_view finding_kind;
  std::string (*text)(const Alert&, const Finding&);
};
constexpr SummaryRow kSummaries[] = {
    {"egress", EgressSummary}, {"integrity", IntegritySummary}, {"extraction", ExtractionSummary}};

// Which fields tell a matter from others, by kind of finding; the last row is for everything else.
struct ExceptionRow {
  std::string_view finding_kind;
  std::vector<std::string_view> fields;
};

const std::vector<std::string_view>& ExceptionFields(const Finding* finding) {
  static const std::vector<ExceptionRow> rows = {{"egress", {"proc.exepath", "asset.set", "finding.dest"}},
                                                 {"integrity", {"proc.exepath", "asset.path"}},
                                                 {"extraction", {"finding.client"}},
                                                 {"", {"proc.exepath", "asset.path", "fd.name"}}};
  const std::string_view kind = finding == nullptr ? "" : std::string_view(finding->kind);
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.finding_kind == kind; });
  return row == rows.end() ? rows.back().fields : row->fields;
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string HumanBytes(double bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{:.0f} bytes", bytes);
  size_t unit = 0;
  for (bytes /= 1024; bytes >= 1024 && unit + 1 < std::size(kUnits); bytes /= 1024) ++unit;
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string Summary(const Alert& alert, const Finding* finding) {
  std::string summary =
      alert.output.empty() ? fmt::format("{}: rule '{}' matched.", Actor(alert), alert.rule) : alert.output;
  for (const SummaryRow& row : kSummaries) {
    if (finding != nullptr && finding->kind == row.finding_kind) summary = row.text(alert, *finding);
  }
  if (summary.size() > kMaxSummaryBytes) summary = summary.substr(0, kMaxSummaryBytes - 3) + "...";
  return summary;
}

std::string ExceptionYaml(const std::string& rule, const EnrichedEvent& event) {
  std::string terms;
  FieldScratch scratch;
  for (const std::string_view name : ExceptionFields(event.finding)) {
    const FieldSpec* field = FindField(name);
    if (field == nullptr) continue;
    const FieldValue value = field->get(event, "", scratch);
    if (std::holds_alternative<std::monostate>(value)) continue;
    const std::string text = FieldText(value);
    if (text.empty()) continue;
    // Leaving out one field of several would allow more than was seen.
    if (!IsPrintable(text) || text.size() > kMaxExceptionValueBytes) return "";
    terms += fmt::format("{}{} = {}", terms.empty() ? "" : " and ", name, Quoted(text));
  }
  if (terms.empty() || !IsPrintable(rule)) return "";
  return fmt::format("- rule: {}\n  condition: >-\n    and not ({})\n  override: {{condition: append}}\n", Quoted(rule),
                     terms);
}

}  // namespace tensorwarden
