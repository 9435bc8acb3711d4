// From what rules and detectors look at to what the sensor is asked for.
#pragma once

#include "agent/enrich/kinds.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

// All other kinds come always: the host model, the labels and the evidence rest on them.
SensorDemand DemandOf(KindSet kinds);

}  // namespace tensorwarden
