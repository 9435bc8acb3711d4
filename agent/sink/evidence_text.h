// Evidence in a few words, for forms of an alert that have no structure.
#pragma once

#include <string>

#include "agent/event/event.h"

namespace tensorwarden {

// "__send+0x14 (libc.so.6) < sock_send+0x53 (python3.11)": innermost first, names without folders; "" no stack.
std::string StackText(const Evidence& evidence);

// "5 tcp 10.0.0.1:5 > 10.0.0.2:443; 3 file /srv/m.bin; 60 more": "" none.
std::string DescriptorsText(const Evidence& evidence);

}  // namespace tensorwarden
