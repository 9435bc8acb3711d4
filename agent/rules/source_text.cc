#include "agent/rules/source_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/text_escape.h"

namespace tensorwarden::rules {

SourceFile::SourceFile(std::string file_path, std::string file_text)
    : path(std::move(file_path)), text(std::move(file_text)), line_starts{0} {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts.push_back(i + 1);
  }
}

LineColumn Locate(const Place& place) {
  if (place.file == nullptr) return {};
  const std::vector<size_t>& starts = place.file->line_starts;
  const auto next = std::upper_bound(starts.begin(), starts.end(), place.offset);
  const auto line = next - starts.begin();
  return {.line = static_cast<int>(line), .column = static_cast<int>(place.offset - starts[line - 1]) + 1};
}

std::string SourceLine(const Place& place) {
  constexpr size_t kMaxLine = 4096;
  if (place.file == nullptr) return "";
  const std::string& text = place.file->text;
  const size_t start = place.offset == 0 ? 0 : text.rfind('\n', place.offset - 1) + 1;  // npos + 1 is 0
  const size_t end = std::min(text.find('\n', place.offset), text.size());
  // A caret below must stand where it should.
  return ToPrintableInPlace(std::string_view(text).substr(start, std::min(end - start, kMaxLine)));
}

void MappedText::AppendMapped(std::string_view text, Place place) {
  pieces_.push_back({text_.size(), place});
  text_ += text;
}

void MappedText::AppendMade(std::string_view text) {
  if (text == " ") line_ends_.push_back(text_.size());
  text_ += text;
}

void MappedText::Append(const MappedText& other) {
  for (const Piece& piece : other.pieces_) pieces_.push_back({text_.size() + piece.at, piece.place});
  for (const size_t end : other.line_ends_) line_ends_.push_back(text_.size() + end);
  text_ += other.text_;
}

Place MappedText::At(size_t offset) const {
  const auto next = std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                                     [](size_t wanted, const Piece& piece) { return wanted < piece.at; });
  if (next == pieces_.begin()) return {};
  const Piece& piece = *(next - 1);
  const size_t last = piece.place.file == nullptr ? 0 : piece.place.file->text.size();
  return {piece.place.file, std::min(piece.place.offset + (offset - piece.at), last)};
}

void Diagnostics::Add(const Place& place, std::string message, bool error) {
  const LineColumn at = Locate(place);
  RuleProblem problem{.path = place.file == nullptr ? std::string() : place.file->path,
                      .line = at.line,
                      .column = at.column,
                      .message = std::move(message),
                      .error = error,
                      .source_line = SourceLine(place)};
  if (error && errors_++ == 0) first_error_ = problem;
  Keep(std::move(problem));
}

std::string Printable(std::string_view text) {
  constexpr size_t kMaxShown = 80;
  if (text.size() <= kMaxShown) return ToPrintable(text);
  size_t end = kMaxShown;
  for (size_t i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;  // whole characters
  return ToPrintable(text.substr(0, end)) + "...";
}

std::string CycleText(const std::vector<std::string_view>& names, std::string_view name) {
  std::string text;
  for (auto at = std::find(names.begin(), names.end(), name); at != names.end(); ++at) {
    text += Printable(*at) + " -> ";
  }
  return text + Printable(name);
}

std::string DidYouMean(const std::vector<std::string_view>& nearest) {
  if (nearest.empty()) return "";
  std::string text = "; did you mean ";
  for (size_t i = 0; i < nearest.size(); ++i) {
    if (i > 0) text += i + 1 == nearest.size() ? " or " : ", ";
    text += fmt::format("'{}'", Printable(nearest[i]));
  }
  return text + "?";
}

}  // namespace tensorwarden::rules
