// A linear walk over the opcodes of one pickle: does it decode, and which modules does it name? Nothing is executed.
#pragma once

#include <string_view>
#include <vector>

namespace tensorwarden {

struct PickleWalk {
  size_t opcodes = 0;                     // decoded
  bool stopped = false;                   // reached STOP
  bool invalid = false;                   // met a byte that is no opcode, or an argument that cannot be one
  std::vector<std::string_view> modules;  // of the globals it names, in order, repeats kept; at most 256
};

// `bytes` may stop anywhere.
PickleWalk WalkPickle(std::string_view bytes);

}  // namespace tensorwarden
