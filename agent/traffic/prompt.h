// The part of a request body that carries a prompt template: found in bytes that may stop anywhere.
#pragma once

#include <string_view>

namespace tensorwarden {

// The string of "prompt", "input", "inputs" or "text" in a JSON body, or of the last user message's "content" (or its
// "text" parts) in "messages"; JSON escapes are left in. An empty view when there is none.
std::string_view FindPrompt(std::string_view body);

}  // namespace tensorwarden
