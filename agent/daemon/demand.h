// From what rules and detectors look at to what the sensor is asked for.
#pragma once

#include "agent/rules/ruleset.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

// All other kinds come always: the host model, the labels and the evidence rest on them.
SensorDemand DemandOf(const RuleNeeds& needs);

}  // namespace tensorwarden
