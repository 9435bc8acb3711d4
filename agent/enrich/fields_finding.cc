// finding.*: what a detector reports.
#include "agent/enrich/fields.h"

namespace tensorwarden::fields {
namespace {

constexpr KindSet kFindings = kKinds<Finding>;

constexpr FieldSpec kFields[] = {
    {"finding.kind", FieldType::kString, false, kFindings, "Detector.", Text<Finding, &Finding::kind>},
    {"finding.what", FieldType::kString, false, kFindings, "The detector's own term.", Text<Finding, &Finding::what>},
    {"finding.stage", FieldType::kString, false, kFindings, "Rung of the ladder: 1%, 10%, 1000.",
     Text<Finding, &Finding::stage>},
    {"finding.key", FieldType::kString, false, kFindings, "What folds reports of one matter together.",
     Text<Finding, &Finding::key>},
    {"finding.share", FieldType::kNumber, false, kFindings, "Share of the asset, 0 to 1.",
     Value<Finding, &Finding::share>},
    {"finding.value", FieldType::kNumber, false, kFindings, "What was measured, in finding.unit.",
     Value<Finding, &Finding::value>},
    {"finding.threshold", FieldType::kNumber, false, kFindings, "What it was measured against, in finding.unit.",
     Value<Finding, &Finding::threshold>},
    {"finding.score", FieldType::kNumber, false, kFindings, "Confidence, 0 to 1.", Value<Finding, &Finding::score>},
    {"finding.unit", FieldType::kString, false, kFindings, "Unit of value and threshold.",
     Text<Finding, &Finding::unit>},
    {"finding.dest", FieldType::kString, false, kFindings, "Destination address, without the port.",
     Text<Finding, &Finding::destination>},
    {"finding.dest.port", FieldType::kNumber, false, kFindings, "Destination port.",
     Value<Finding, &Finding::destination_port>},
    {"finding.dest.class", FieldType::kString, false, kFindings, "How far the destination is.",
     Text<Finding, &Finding::destination_class>},
    {"finding.client", FieldType::kString, false, kFindings, "API client, as client.id.",
     Text<Finding, &Finding::client>},
    {"finding.evidence", FieldType::kString, false, kFindings, "One sentence with the figures.",
     Text<Finding, &Finding::evidence>},
};

}  // namespace

std::span<const FieldSpec> FindingFields() { return kFields; }

}  // namespace tensorwarden::fields
