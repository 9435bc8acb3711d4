// Secrets that programs take as arguments must not reach events, captures or alerts.
#pragma once

#include <string>
#include <vector>

namespace tensorwarden {

// Replaces secret-looking values by "***", in place: values of options whose name speaks of a secret (--api-key X,
// --token=X, PASSWORD=X), bearer headers, credentials in URLs, and tokens of known shape (hf_..., sk-..., AKIA...).
void RedactArguments(std::vector<std::string>& args);

}  // namespace tensorwarden
