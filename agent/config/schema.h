// Every key of the config file, in tables.
#pragma once

#include "agent/config/config.h"
#include "agent/config/table.h"

namespace tensorwarden::config {

const Keys<AgentConfig>& TopKeys();

}  // namespace tensorwarden::config
