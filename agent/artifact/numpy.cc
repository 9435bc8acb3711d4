#include "agent/artifact/families.h"

namespace tensorwarden {

using namespace std::string_view_literals;

std::optional<Identity> ProbeNumpy(const FileWindow& window) {
  if (!window.HeadHas(0, "\x93NUMPY"sv)) return std::nullopt;
  ByteCursor cursor(window.head);
  cursor.Bytes(6);
  const auto major = cursor.Number(1), minor = cursor.Number(1);
  if (!minor || *major < 1 || *major > 3) return Identity{"numpy", "dataset", 0.5};
  const auto length = cursor.Number(*major == 1 ? 2 : 4);
  const auto header = length ? cursor.Bytes(*length) : std::nullopt;
  const bool sound = header && header->starts_with('{') && header->find("'descr'") != std::string_view::npos &&
                     header->find("'shape'") != std::string_view::npos;
  return Identity{"numpy", "dataset", sound ? 0.99 : 0.6};
}

}  // namespace tensorwarden
