#include "agent/config/yaml.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>

namespace tensorwarden::config {
namespace {

constexpr int kMaxDepth = 16;  // the deepest config has four levels

struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DiagDeleter {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};
struct EventDeleter {
  fy_parser* parser = nullptr;
  void operator()(fy_event* event) const { fy_parser_event_free(parser, event); }
};
using EventPtr = std::unique_ptr<fy_event, EventDeleter>;

class TreeBuilder {
 public:
  TreeBuilder(const std::string& name, const std::string& text) : name_(name), diag_(fy_diag_create(nullptr)) {
    fy_diag_set_collect_errors(diag_.get(), true);
    fy_parse_cfg config{};
    config.search_path = "";
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_SLOPPY_FLOW_INDENTATION);
    config.diag = diag_.get();
    parser_.reset(fy_parser_create(&config));
    fy_parser_set_string(parser_.get(), text.data(), text.size());
  }

  absl::StatusOr<YamlNode> Build() {
    YamlNode root;
    bool seen = false;
    for (EventPtr event = Next(); event != nullptr; event = Next()) {
      if (!IsNodeStart(event->type)) continue;
      if (seen) return Error(Place(event.get()), "a second document; a config is one");
      seen = true;
      if (absl::Status status = ReadNode(event.get(), 0, root); !status.ok()) return status;
    }
    if (absl::Status status = ParserError(); !status.ok()) return status;
    return root;
  }

 private:
  static bool IsNodeStart(fy_event_type type) {
    return type == FYET_SCALAR || type == FYET_MAPPING_START || type == FYET_SEQUENCE_START || type == FYET_ALIAS;
  }

  static YamlPlace Place(fy_event* event) {
    const fy_mark* mark = fy_event_start_mark(event);
    if (mark == nullptr) return {};
    return {.line = mark->line + 1, .column = mark->column + 1};
  }

  absl::Status Error(YamlPlace place, const std::string& message) const { return ConfigError(name_, place, message); }

  EventPtr Next() { return EventPtr(fy_parser_parse(parser_.get()), EventDeleter{parser_.get()}); }

  // libfyaml ends its stream both at the end and at an error.
  absl::Status ParserError() const {
    void* cursor = nullptr;
    if (const fy_diag_error* error = fy_diag_errors_iterate(diag_.get(), &cursor)) {
      return Error({.line = std::max(error->line, 1), .column = std::max(error->column, 1)},
                   error->msg == nullptr ? "not YAML" : error->msg);
    }
    if (fy_parser_get_stream_error(parser_.get())) return Error({}, "not YAML");
    return absl::OkStatus();
  }

  absl::Status EndedEarly() const {
    absl::Status status = ParserError();
    return status.ok() ? Error({}, "ends in the middle of a map or list") : status;
  }

  absl::Status ReadNode(fy_event* event, int depth, YamlNode& node) {
    node.place = Place(event);
    if (depth > kMaxDepth) return Error(node.place, fmt::format("nested deeper than {} levels", kMaxDepth));
    switch (event->type) {
      case FYET_SCALAR:
        return ReadScalar(event, node);
      case FYET_SEQUENCE_START:
        if (event->sequence_start.tag != nullptr) return Error(node.place, "tags (!...) are not used here; remove it");
        return ReadList(depth, node);
      case FYET_MAPPING_START:
        if (event->mapping_start.tag != nullptr) return Error(node.place, "tags (!...) are not used here; remove it");
        return ReadMap(depth, node);
      default:
        return Error(node.place, "aliases (*name) are not used here; write the value out");
    }
  }

  absl::Status ReadScalar(fy_event* event, YamlNode& node) {
    if (event->scalar.tag != nullptr) return Error(node.place, "tags (!...) are not used here; remove it");
    size_t size = 0;
    const char* text = event->scalar.value == nullptr ? nullptr : fy_token_get_text(event->scalar.value, &size);
    node.kind = YamlNode::Kind::kScalar;
    if (text != nullptr) node.text.assign(text, size);
    node.plain = event->scalar.value == nullptr || fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN;
    return absl::OkStatus();
  }

  absl::Status ReadList(int depth, YamlNode& node) {
    node.kind = YamlNode::Kind::kList;
    for (EventPtr event = Next(); event != nullptr; event = Next()) {
      if (event->type == FYET_SEQUENCE_END) return absl::OkStatus();
      if (absl::Status status = ReadNode(event.get(), depth + 1, node.items.emplace_back()); !status.ok())
        return status;
    }
    return EndedEarly();
  }

  absl::Status ReadMap(int depth, YamlNode& node) {
    node.kind = YamlNode::Kind::kMap;
    for (EventPtr event = Next(); event != nullptr; event = Next()) {
      if (event->type == FYET_MAPPING_END) return absl::OkStatus();
      if (absl::Status status = ReadKey(event.get(), node); !status.ok()) return status;
      const EventPtr value = Next();
      if (value == nullptr) break;
      if (absl::Status status = ReadNode(value.get(), depth + 1, node.items.emplace_back()); !status.ok())
        return status;
    }
    return EndedEarly();
  }

  absl::Status ReadKey(fy_event* event, YamlNode& map) {
    YamlNode key;
    key.place = Place(event);
    if (event->type != FYET_SCALAR) return Error(key.place, "a key must be a plain word");
    if (absl::Status status = ReadScalar(event, key); !status.ok()) return status;
    const auto same =
        std::find_if(map.keys.begin(), map.keys.end(), [&](const auto& k) { return k.first == key.text; });
    if (same != map.keys.end()) {
      return Error(key.place,
                   fmt::format("duplicate key '{}', first on line {}; remove one", key.text, same->second.line));
    }
    map.keys.emplace_back(std::move(key.text), key.place);
    return absl::OkStatus();
  }

  const std::string& name_;
  std::unique_ptr<fy_diag, DiagDeleter> diag_;
  std::unique_ptr<fy_parser, ParserDeleter> parser_;
};

// libfyaml 0.7.12 loops for ever in an unfinished directive (`%TAG`), and a config has no use for one: a line that
// starts with % is refused unread. Where such a line starts; npos when there is none.
size_t FindDirective(const std::string& text) {
  constexpr std::string_view kBreaks[] = {"\n", "\r", "\xef\xbb\xbf", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
  const std::string_view view(text);
  for (size_t at = view.find('%'); at != std::string_view::npos; at = view.find('%', at + 1)) {
    const std::string_view before = view.substr(0, at);
    if (before.empty() || std::any_of(std::begin(kBreaks), std::end(kBreaks),
                                      [&](std::string_view line_break) { return before.ends_with(line_break); })) {
      return at;
    }
  }
  return std::string::npos;
}

YamlPlace LineOf(const std::string& text, size_t offset) {
  return {.line = 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n')),
          .column = 1};
}

}  // namespace

bool YamlNode::IsNull() const {
  return kind == Kind::kScalar && plain && (text.empty() || text == "~" || text == "null");
}

const char* YamlNode::KindName() const {
  switch (kind) {
    case Kind::kScalar:
      return "a value";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

absl::StatusOr<YamlNode> ParseYaml(const std::string& name, const std::string& text) {
  if (text.size() > kMaxConfigBytes) {
    return ConfigError(name, {}, fmt::format("longer than {} bytes", kMaxConfigBytes));
  }
  if (const size_t nul = text.find('\0'); nul != std::string::npos) {
    return ConfigError(name, LineOf(text, nul), "holds a NUL byte; this is no text file");
  }
  if (const size_t directive = FindDirective(text); directive != std::string::npos) {
    return ConfigError(name, LineOf(text, directive), "a line must not start with %; directives are not used here");
  }
  return TreeBuilder(name, text).Build();
}

absl::Status ConfigError(const std::string& name, YamlPlace place, const std::string& message) {
  std::string line = fmt::format("{}:{}:{}: {}", name, place.line, place.column, message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return absl::InvalidArgumentError(line);
}

}  // namespace tensorwarden::config
