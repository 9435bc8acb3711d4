// SHA-256 as hex.
#pragma once

#include <string>
#include <string_view>

namespace tensorwarden {

std::string Sha256Hex(std::string_view bytes);

}  // namespace tensorwarden
