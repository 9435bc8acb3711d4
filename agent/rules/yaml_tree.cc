#include "agent/rules/yaml_tree.h"

#include <libfyaml.h>

#include <functional>
#include <iterator>
#include <utility>

namespace tensorwarden::rules {
namespace {

constexpr size_t kMaxTextBytes = 4 << 20;
constexpr size_t kMaxNodes = 1 << 20;

struct DiagDeleter {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};
struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DocumentDeleter {
  fy_parser* parser;
  void operator()(fy_document* document) const { fy_parse_document_destroy(parser, document); }
};
struct IteratorDeleter {
  void operator()(fy_token_iter* iterator) const { fy_token_iter_destroy(iterator); }
};
using DiagPtr = std::unique_ptr<fy_diag, DiagDeleter>;
using ParserPtr = std::unique_ptr<fy_parser, ParserDeleter>;
using DocumentPtr = std::unique_ptr<fy_document, DocumentDeleter>;

DiagPtr SilentDiag() {
  fy_diag_cfg config;
  fy_diag_cfg_default(&config);
  config.level = FYET_ERROR;
  config.output_fn = [](fy_diag*, void*, const char*, size_t) {};  // we report what is collected
  DiagPtr diag(fy_diag_create(&config));
  if (diag != nullptr) fy_diag_set_collect_errors(diag.get(), true);
  return diag;
}

class Reader {
 public:
  Reader(const SourceFile& file, Diagnostics& diagnostics) : file_(file), diagnostics_(diagnostics) {}

  // Call once for each document. False after an error.
  bool Read(fy_node* root) {
    YamlNode node;
    if (root == nullptr) return true;
    if (!Convert(root, {&file_, 0}, node)) return false;
    const bool is_empty = node.kind == YamlNode::Kind::kScalar && !node.quoted && node.scalar.text().empty();
    return is_empty || Add(std::move(node));
  }

  // One document as it is; of several the items of all.
  YamlNode Finish() {
    if (whole_) return *std::move(whole_);
    YamlNode nothing;
    nothing.kind = YamlNode::Kind::kSequence;
    nothing.place = {&file_, 0};
    return nothing;
  }

 private:
  bool Fail(const Place& place, std::string message) {
    diagnostics_.Error(place, std::move(message));
    return false;
  }

  bool Add(YamlNode document) {
    if (!whole_) {
      whole_ = std::move(document);
      return true;
    }
    for (const YamlNode* one : {&*whole_, &document}) {
      if (one->kind != YamlNode::Kind::kSequence) return Fail(one->place, "of several YAML documents each is a list");
    }
    std::move(document.items.begin(), document.items.end(), std::back_inserter(whole_->items));
    return true;
  }

  // `near` is the place to name when the node itself has no text: that of its key or container.
  bool Convert(fy_node* from, const Place& near, YamlNode& to) {
    to.place = near;
    if (++nodes_ > kMaxNodes) return Fail(near, "too many YAML nodes in one file");
    if (fy_node_is_alias(from)) return Fail(near, "YAML aliases are not supported here; write the value out");
    switch (fy_node_get_type(from)) {
      case FYNT_SCALAR:
        ConvertScalar(from, to);
        return true;
      case FYNT_SEQUENCE:
        return ConvertSequence(from, to);
      case FYNT_MAPPING:
        return ConvertMapping(from, to);
    }
    return Fail(near, "unknown kind of YAML node");
  }

  void ConvertScalar(fy_node* from, YamlNode& to) {
    fy_token* token = fy_node_get_scalar_token(from);
    to.kind = YamlNode::Kind::kScalar;
    to.quoted = token != nullptr && fy_token_scalar_style(token) != FYSS_PLAIN;
    const std::unique_ptr<fy_token_iter, IteratorDeleter> iterator(fy_token_iter_create(token));
    const fy_iter_chunk* chunk = nullptr;
    int error = 0;
    bool first = true;
    while (iterator != nullptr && (chunk = fy_token_iter_chunk_next(iterator.get(), chunk, &error)) != nullptr) {
      const std::string_view text(chunk->str, chunk->len);
      const std::optional<Place> place = PlaceOf(chunk->str);
      if (first) to.place = place.value_or(to.place);
      // A scalar that starts with made text (an escape) still needs a place for its first byte.
      if (first && !place) to.scalar.AppendMapped("", to.place);
      first = false;
      place ? to.scalar.AppendMapped(text, *place) : to.scalar.AppendMade(text);
    }
    if (first) to.scalar.AppendMapped("", to.place);
  }

  // libfyaml's chunks point into our text wherever they are taken from it literally.
  std::optional<Place> PlaceOf(const char* at) const {
    const std::less<const char*> less;  // total order also for unrelated pointers
    const char* begin = file_.text.data();
    if (less(at, begin) || !less(at, begin + file_.text.size())) return std::nullopt;
    return Place{&file_, static_cast<size_t>(at - begin)};
  }

  bool ConvertSequence(fy_node* from, YamlNode& to) {
    to.kind = YamlNode::Kind::kSequence;
    void* position = nullptr;
    Place near = to.place;
    while (fy_node* item = fy_node_sequence_iterate(from, &position)) {
      YamlNode& converted = to.items.emplace_back();
      if (!Convert(item, near, converted)) return false;
      near = converted.place;
      if (to.items.size() == 1) to.place = converted.place;
    }
    return true;
  }

  bool ConvertMapping(fy_node* from, YamlNode& to) {
    to.kind = YamlNode::Kind::kMapping;
    void* position = nullptr;
    while (fy_node_pair* pair = fy_node_mapping_iterate(from, &position)) {
      YamlNode key;
      if (!Convert(fy_node_pair_key(pair), to.place, key)) return false;
      if (key.kind != YamlNode::Kind::kScalar) return Fail(key.place, "a key must be a plain word");
      if (to.pairs.empty()) to.place = key.place;
      YamlPair& converted = to.pairs.emplace_back();
      converted.place = key.place;
      converted.key = key.scalar.text();
      fy_node* value = fy_node_pair_value(pair);
      if (value == nullptr) {
        converted.value.place = key.place;
        converted.value.scalar.AppendMapped("", key.place);
      } else if (!Convert(value, key.place, converted.value)) {
        return false;
      }
    }
    return true;
  }

  const SourceFile& file_;
  Diagnostics& diagnostics_;
  size_t nodes_ = 0;
  std::optional<YamlNode> whole_;
};

// True when there was an error, which is in `diagnostics` then.
bool ReportCollected(const SourceFile& file, fy_parser* parser, fy_diag* diag, Diagnostics& diagnostics) {
  void* position = nullptr;
  if (const fy_diag_error* error = fy_diag_errors_iterate(diag, &position)) {
    const size_t line = error->line > 0 ? static_cast<size_t>(error->line) - 1 : 0;
    const size_t start = line < file.line_starts.size() ? file.line_starts[line] : file.text.size();
    const size_t column = error->column > 0 ? static_cast<size_t>(error->column) - 1 : 0;
    diagnostics.Error({&file, std::min(start + column, file.text.size())}, "YAML: " + Printable(error->msg));
    return true;
  }
  if (parser != nullptr && !fy_parser_get_stream_error(parser)) return false;
  diagnostics.Error({&file, 0}, "YAML: not a document");
  return true;
}

// Length of the UTF-8 sequence that `text` starts with; 0 when it is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90)) return 0;
  if ((byte(0) == 0xed && byte(1) > 0x9f) || (byte(0) == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

// libfyaml 0.7.12 loops without end on a directive (a line that starts with '%') with bytes that are no UTF-8. Nobody
// needs directives here, so both are refused before it sees them. nullopt: the text is fit to be parsed.
struct Unfit {
  size_t offset;
  const char* why;
};
std::optional<Unfit> FindUnfit(std::string_view text) {
  bool line_start = true;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\0') return Unfit{at, "NUL byte; is this a text file?"};
    if (line_start && c == '%') return Unfit{at, "YAML directives ('%' at the start of a line) are not supported"};
    const size_t length = Utf8Length(text.substr(at));
    if (length == 0) return Unfit{at, "not UTF-8; is this a text file?"};
    // YAML 1.1 also breaks lines at U+0085, U+2028 and U+2029, and a byte order mark may stand first.
    const std::string_view sequence = text.substr(at, length);
    line_start = c == '\n' || c == '\r' || sequence == "\xc2\x85" || sequence == "\xe2\x80\xa8" ||
                 sequence == "\xe2\x80\xa9" || sequence == "\xef\xbb\xbf";
    at += length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<YamlNode> ReadYaml(const SourceFile& file, Diagnostics& diagnostics) {
  if (file.text.size() > kMaxTextBytes) {
    diagnostics.Error({&file, 0}, "file is larger than 4 MiB");
    return std::nullopt;
  }
  if (const std::optional<Unfit> unfit = FindUnfit(file.text)) {
    diagnostics.Error({&file, unfit->offset}, unfit->why);
    return std::nullopt;
  }
  const DiagPtr diag = SilentDiag();
  fy_parse_cfg config = {};
  // Falco's files close a list that spans lines in the column of its key, which YAML 1.2 forbids and others let pass.
  config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_COLLECT_DIAG | FYPCF_SLOPPY_FLOW_INDENTATION);
  config.diag = diag.get();
  // Before `diag` goes, the parser must: it holds a reference.
  const ParserPtr parser(fy_parser_create(&config));
  Reader reader(file, diagnostics);
  if (parser != nullptr && fy_parser_set_string(parser.get(), file.text.data(), file.text.size()) == 0) {
    while (fy_document* loaded = fy_parse_load_document(parser.get())) {
      const DocumentPtr document(loaded, {parser.get()});
      if (!reader.Read(fy_document_root(loaded))) return std::nullopt;
    }
  }
  if (ReportCollected(file, parser.get(), diag.get(), diagnostics)) return std::nullopt;
  return reader.Finish();
}

}  // namespace tensorwarden::rules
