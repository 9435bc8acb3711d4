// Names that Falco's evt.type knows, whether our events show such calls or not.
#pragma once

#include <span>
#include <string_view>

namespace tensorwarden::rules {

std::span<const std::string_view> CallNames();
bool IsCallName(std::string_view name);

}  // namespace tensorwarden::rules
