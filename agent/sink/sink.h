// Where alerts leave the host.
#pragma once

#include <absl/status/status.h>

#include <string_view>

#include "agent/alert/alert.h"

namespace tensorwarden {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::string_view Name() const = 0;
  // Errors: Unavailable, with the reason, when the alert was not delivered; the caller counts and reports it.
  virtual absl::Status Deliver(const Alert& alert) = 0;
};

}  // namespace tensorwarden
