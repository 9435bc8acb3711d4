// Paths, arguments and names are bytes that an attacker chose: what they may do to a reader ends here.
#pragma once

#include <string>
#include <string_view>

namespace tensorwarden {

// Valid UTF-8: a byte that belongs to no character becomes the four characters \xNN.
std::string ToUtf8(std::string_view bytes);

// One line that a terminal only shows: control characters, C1 controls, line separators and characters that turn the
// writing direction become \xNN or \u{NNNN}; so does what is no UTF-8.
std::string ToPrintable(std::string_view bytes);

// The same with a blank for each byte of what is not shown as it is: what follows stays where it was.
std::string ToPrintableInPlace(std::string_view bytes);

}  // namespace tensorwarden
