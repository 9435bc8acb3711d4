// What a single value of the config may be: each function gives a parser that checks type, unit and range.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/yaml.h"

namespace tensorwarden::config {

// Error: InvalidArgument whose message lacks the place; the caller adds it.
template <class V>
using ValueParser = std::function<absl::StatusOr<V>(const std::string& text)>;

ValueParser<bool> Boolean();                                               // true, false
ValueParser<uint64_t> Count(uint64_t min, uint64_t max);                   // 65536, 65_536
ValueParser<uint64_t> ByteSize(uint64_t min, uint64_t max);                // 512, 64MiB, 10GB
ValueParser<uint64_t> PowerOfTwo(uint64_t min, uint64_t max);              // a ByteSize
ValueParser<absl::Duration> Time(absl::Duration min, absl::Duration max);  // 500ms, 5m, 24h, 7d, 1h30m
ValueParser<double> Share(double above, double max);                       // 10% or 0.1; in (above, max]
ValueParser<double> Number(double min, double max);
ValueParser<std::string> Text(size_t max_bytes = 256);  // not empty, no control characters
ValueParser<std::string> AbsolutePath();
ValueParser<std::string> AddressOrBlock();  // 10.0.0.1, 10.0.0.0/8, fd00::/8
ValueParser<std::string> HeaderName();      // lower-cased
ValueParser<std::string> OneOf(std::vector<std::string> names);

template <class V>
ValueParser<V> Choice(std::vector<std::pair<std::string, V>> choices) {
  std::vector<std::string> names;
  for (const auto& choice : choices) names.push_back(choice.first);
  return
      [choices = std::move(choices), one_of = OneOf(std::move(names))](const std::string& text) -> absl::StatusOr<V> {
        if (absl::StatusOr<std::string> name = one_of(text); !name.ok()) return name.status();
        for (const auto& choice : choices) {
          if (choice.first == text) return choice.second;
        }
        return absl::InternalError("unreachable");
      };
}

// The name among `known` that `name` was probably meant to be; "" when none is near.
std::string_view Nearest(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace tensorwarden::config
