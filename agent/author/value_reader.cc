#include "agent/author/value_reader.h"

#include <absl/strings/ascii.h>
#include <fcntl.h>

#include <charconv>

#include "agent/enrich/field_values.h"
#include "agent/rules/condition/network_list.h"

namespace tensorwarden::author {
namespace {

using rules::Printable;
using rules::YamlNode;
using rules::YamlPair;

constexpr NamedNumber kFlagNames[] = {
    {"O_RDONLY", O_RDONLY},   {"O_WRONLY", O_WRONLY}, {"O_RDWR", O_RDWR},           {"O_CREAT", O_CREAT},
    {"O_EXCL", O_EXCL},       {"O_TRUNC", O_TRUNC},   {"O_APPEND", O_APPEND},       {"O_NONBLOCK", O_NONBLOCK},
    {"O_DIRECT", O_DIRECT},   {"O_SYNC", O_SYNC},     {"O_DIRECTORY", O_DIRECTORY}, {"O_NOFOLLOW", O_NOFOLLOW},
    {"O_CLOEXEC", O_CLOEXEC}, {"O_PATH", O_PATH},     {"O_TMPFILE", O_TMPFILE}};
constexpr double kNsPerSecond = 1e9;

std::string Shown(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar ? Printable(node.scalar.text()) : std::string("a list or a mapping");
}

}  // namespace

const std::span<const NamedNumber> kOpenFlags = kFlagNames;

const YamlNode* ValueOf(const YamlNode& mapping, std::string_view key) {
  for (const YamlPair& pair : mapping.pairs) {
    if (pair.key == key) return &pair.value;
  }
  return nullptr;
}

bool ValueReader::Fail(const YamlNode& node, const std::string& message) {
  diagnostics_.Error(node.place, message);
  return false;
}

bool ValueReader::IsOneOf(const YamlNode& node, const std::vector<std::string_view>& names) {
  const std::string& text = node.scalar.text();
  if (std::find(names.begin(), names.end(), text) != names.end()) return true;
  const std::vector<std::string_view> nearest = NearestNames(text, names);
  const std::string fix =
      nearest.empty() ? fmt::format("; want one of {}", fmt::join(names, ", ")) : rules::DidYouMean(nearest);
  return Fail(node, fmt::format("unknown value '{}'{}", Shown(node), fix));
}

bool ValueReader::KnownKeys(const YamlNode& mapping, const std::vector<std::string_view>& names) {
  bool ok = true;
  for (const YamlPair& pair : mapping.pairs) {
    if (std::find(names.begin(), names.end(), pair.key) != names.end()) continue;
    const std::vector<std::string_view> nearest = NearestNames(pair.key, names);
    const std::string fix =
        nearest.empty() ? fmt::format("; there are {}", fmt::join(names, ", ")) : rules::DidYouMean(nearest);
    diagnostics_.Error(pair.place, fmt::format("unknown key '{}'{}", Printable(pair.key), fix));
    ok = false;
  }
  return ok;
}

bool ValueReader::Read(const YamlNode& node, std::string& value) {
  if (node.kind != YamlNode::Kind::kScalar) return Fail(node, "want a text");
  value = node.scalar.text();
  return true;
}

bool ValueReader::Read(const YamlNode& node, bool& value) {
  const std::string& text = node.scalar.text();
  if (text != "true" && text != "false") return Fail(node, fmt::format("want true or false, not '{}'", Shown(node)));
  value = text == "true";
  return true;
}

bool ValueReader::Read(const YamlNode& node, double& value) {
  const std::optional<double> number = rules::ParseNumber(node.scalar.text());
  if (node.kind != YamlNode::Kind::kScalar || !number) {
    return Fail(node, fmt::format("want a number, as in 12, 0x1f, 1% or 1GiB, not '{}'", Shown(node)));
  }
  value = *number;
  return true;
}

bool ValueReader::ReadIn(const YamlNode& node, Quantity::Of unit, double& value) {
  using Of = Quantity::Of;
  const std::optional<Quantity> quantity = rules::ParseQuantity(node.scalar.text());
  if (node.kind != YamlNode::Kind::kScalar || !quantity || (quantity->of != Of::kPlain && quantity->of != unit)) {
    const char* wanted = unit == Of::kBytes   ? "a size, as in 4096 or 1GiB"
                         : unit == Of::kShare ? "a share, as in 0.5 or 50%"
                                              : "a number, as in 12 or 0x1f";
    return Fail(node, fmt::format("want {}, not '{}'", wanted, Shown(node)));
  }
  value = quantity->value;
  return true;
}

bool ValueReader::Read(const YamlNode& node, double& value, Fraction) {
  return ReadIn(node, Quantity::Of::kShare, value);
}

bool ValueReader::Read(const YamlNode& node, std::string& value, ValueOfField form) {
  const FieldValues* values = KnownValues(form.field);
  return Read(node, value) && (values == nullptr || values->open || IsOneOf(node, values->known));
}

bool ValueReader::ReadAddress(const YamlNode& mapping, std::string_view key, std::string& address) {
  if (address.empty()) return true;
  const std::optional<std::string> normal = rules::NormalAddress(address);
  if (!normal) {
    return Fail(*ValueOf(mapping, key),
                fmt::format("want an IP address, as in 192.0.2.7 or 2001:db8::7, not '{}'", Printable(address)));
  }
  address = *normal;
  return true;
}

// Ends of other families have names ("packet", "vsock:2:1024"), those of mounts a source and a type.
bool ValueReader::Read(const YamlNode& node, SocketTuple& value) {
  if (!Struct(node, value)) return false;
  if (value.family != AF_UNSPEC && value.family != AF_INET && value.family != AF_INET6) return true;
  const bool local = ReadAddress(node, "local_address", value.local_address);
  return ReadAddress(node, "peer_address", value.peer_address) && local;
}

// A finding does not tell the family: what may be such a name is taken.
bool ValueReader::Read(const YamlNode& node, Finding& value) {
  if (!Struct(node, value)) return false;
  const std::string& to = value.destination;
  const bool is_name = !to.empty() && absl::ascii_isalpha(static_cast<unsigned char>(to[0])) &&
                       to.find('.') == std::string::npos && !rules::NormalAddress(to);
  return is_name || value.destination_class == "mount" || ReadAddress(node, "destination", value.destination);
}

bool ValueReader::Read(const YamlNode& node, ProcessKey& value) {
  const std::optional<ProcessKey> key = scene_.Process(node.scalar.text());
  if (node.kind != YamlNode::Kind::kScalar || !key) {
    return Fail(node, fmt::format("'{}' is no process: want a pid, or a name of {}", Shown(node),
                                  fmt::join(scene_.ProcessNames(), ", ")));
  }
  value = *key;
  return true;
}

bool ValueReader::Read(const YamlNode& node, FileKey& value) {
  const std::optional<FileKey> key = scene_.File(node.scalar.text(), may_be_new_);
  if (node.kind != YamlNode::Kind::kScalar || !key) {
    return Fail(node, fmt::format("'{}' is no file: want the id of an asset, a path, or none{}", Shown(node),
                                  rules::DidYouMean(NearestNames(node.scalar.text(), scene_.FileNames()))));
  }
  value = *key;
  return true;
}

bool ValueReader::Read(const YamlNode& node, std::pair<uint32_t, uint64_t>& value) {
  if (node.kind != YamlNode::Kind::kSequence || node.items.size() != 2) {
    return Fail(node, "want [label, bytes]");
  }
  return Read(node.items[0], value.first, Label{}) && Read(node.items[1], value.second, Bytes{});
}

bool ValueReader::Read(const YamlNode& node, std::vector<std::pair<std::string, std::string>>& values) {
  if (node.kind != YamlNode::Kind::kMapping) return Fail(node, "want {name: value, ...}");
  for (const YamlPair& pair : node.pairs) {
    std::string value;
    if (!Read(pair.value, value)) return false;
    values.emplace_back(pair.key, std::move(value));
  }
  return true;
}

bool ValueReader::Read(const YamlNode& node, uint32_t& value, Octal) {
  const std::string& text = node.scalar.text();
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + (text.starts_with("0o") ? 2 : 0), end, value, 8);
  if (parsed.ec == std::errc() && parsed.ptr == end) return true;
  return Fail(node, fmt::format("want an octal number, as in 644, not '{}'", Shown(node)));
}

bool ValueReader::Read(const YamlNode& node, uint64_t& value, Labels) {
  if (node.kind == YamlNode::Kind::kScalar && Exact(node.scalar.text())) return Read(node, value);
  value = 0;
  const std::vector<YamlNode> one = {node};
  for (const YamlNode& item : node.kind == YamlNode::Kind::kSequence ? node.items : one) {
    const std::optional<uint32_t> bit = LabelOf(item);
    if (!bit) return false;
    value |= uint64_t{1} << (*bit & 63);
  }
  return true;
}

bool ValueReader::Read(const YamlNode& node, uint32_t& value, Label) {
  if (Exact(node.scalar.text())) return Read(node, value);
  const std::optional<uint32_t> bit = LabelOf(node);
  if (bit) value = *bit;
  return bit.has_value();
}

bool ValueReader::Read(const YamlNode& node, uint64_t& value, Duration) {
  const std::optional<rules::Quantity> quantity = rules::ParseQuantity(node.scalar.text());
  const bool is_time = quantity && (quantity->of == Quantity::Of::kSeconds || quantity->of == Quantity::Of::kPlain);
  if (node.kind != YamlNode::Kind::kScalar || !is_time || quantity->value < 0 || quantity->value > 1e9) {
    return Fail(node, fmt::format("want a time, as in 5s or 10m, not '{}'", Shown(node)));
  }
  value = static_cast<uint64_t>(quantity->value * kNsPerSecond);
  return true;
}

std::optional<uint64_t> ValueReader::Exact(const std::string& text) {
  uint64_t value = 0;
  const int base = text.starts_with("0x") ? 16 : 10;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + (base == 16 ? 2 : 0), end, value, base);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

std::optional<uint64_t> ValueReader::NumberOf(const YamlNode& node, const Choice& choice, uint64_t max) {
  const std::string& text = node.scalar.text();
  for (size_t i = 0; i < choice.names.size(); ++i) {
    if (*choice.names[i] != '\0' && text == choice.names[i]) return i;
  }
  for (const NamedNumber& one : choice.others) {
    if (text == one.name) return one.value;
  }
  const uint64_t last = choice.others.empty() ? choice.names.size() - 1 : max;
  if (const std::optional<uint64_t> exact = Exact(text); exact && *exact <= last) return exact;
  std::vector<std::string_view> names;
  for (const char* name : choice.names) {
    if (*name != '\0') names.emplace_back(name);
  }
  for (const NamedNumber& one : choice.others) names.emplace_back(one.name);
  Fail(node, fmt::format("want one of {}, not '{}'", fmt::join(names, ", "), Shown(node)));
  return std::nullopt;
}

std::optional<uint64_t> ValueReader::NumberOf(const YamlNode& node, const Flags& flags) {
  if (const std::optional<uint64_t> exact = Exact(node.scalar.text())) return exact;
  uint64_t bits = 0;
  std::string_view rest = node.scalar.text();
  while (!rest.empty()) {
    const size_t bar = std::min(rest.find('|'), rest.size());
    const std::string_view name = rest.substr(0, bar);
    rest.remove_prefix(std::min(bar + 1, rest.size()));
    const auto at =
        std::find_if(flags.names.begin(), flags.names.end(), [&](const NamedNumber& one) { return name == one.name; });
    if (at == flags.names.end()) {
      std::vector<std::string_view> names;
      for (const NamedNumber& one : flags.names) names.emplace_back(one.name);
      Fail(node, fmt::format("unknown flag '{}'{}", Printable(name), rules::DidYouMean(NearestNames(name, names))));
      return std::nullopt;
    }
    bits |= at->value;
  }
  return bits;
}

std::optional<uint32_t> ValueReader::LabelOf(const YamlNode& node) {
  FileKey file;
  if (!Read(node, file)) return std::nullopt;
  const std::optional<uint32_t> bit = label_of_(file);
  if (!bit) Fail(node, fmt::format("'{}' is no asset, so it has no label", Shown(node)));
  return bit;
}

}  // namespace tensorwarden::author
