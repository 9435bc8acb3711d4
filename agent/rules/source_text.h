// Text that remembers where it came from, so that every message can name file, line and column.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/rules/ruleset.h"

namespace tensorwarden::rules {

struct SourceFile {
  SourceFile(std::string file_path, std::string file_text);
  std::string path;
  std::string text;
  std::vector<size_t> line_starts;
};

struct Place {
  const SourceFile* file = nullptr;
  size_t offset = 0;
};

// Both from 1; columns count bytes.
struct LineColumn {
  int line = 1;
  int column = 1;
};
LineColumn Locate(const Place& place);
// The line that `place` is in, with blanks for what would steer a terminal.
std::string SourceLine(const Place& place);

// A scalar as YAML delivers it: folded, unescaped, perhaps put together from several files by `append`.
class MappedText {
 public:
  void AppendMapped(std::string_view text, Place place);  // `text` lies in the file, byte by byte, at `place`
  void AppendMade(std::string_view text);                 // not in any file: a folded line break, an escape
  void Append(const MappedText& other);

  const std::string& text() const { return text_; }
  // Offsets, rising, of blanks that stand for the end of a line in the file.
  const std::vector<size_t>& line_ends() const { return line_ends_; }
  // Where byte `offset` came from; of made text: the last byte before it that is in a file.
  Place At(size_t offset) const;

 private:
  struct Piece {
    size_t at;
    Place place;
  };
  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<size_t> line_ends_;
};

// Collects problems. Text from files is made printable, and every message stays one line.
class Diagnostics {
 public:
  static constexpr size_t kMaxProblems = 1000;  // further ones are counted only: a hostile file could have millions

  explicit Diagnostics(std::vector<RuleProblem>& problems) : problems_(problems) {}
  void Error(const Place& place, std::string message) { Add(place, std::move(message), true); }
  void Warning(const Place& place, std::string message) { Add(place, std::move(message), false); }
  void Warning(RuleProblem problem) { Keep(std::move(problem)); }
  size_t errors() const { return errors_; }
  const RuleProblem& first_error() const { return first_error_; }

 private:
  void Add(const Place& place, std::string message, bool error);
  void Keep(RuleProblem problem) {
    if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
  }
  std::vector<RuleProblem>& problems_;
  RuleProblem first_error_;
  size_t errors_ = 0;
};

// At most 80 bytes of `text`, what would steer a terminal escaped.
std::string Printable(std::string_view text);
// "a -> b -> a", from where `name` stands among `names`, each of which uses the next, and the last one `name`.
std::string CycleText(const std::vector<std::string_view>& names, std::string_view name);
// "; did you mean 'a' or 'b'?", or "".
std::string DidYouMean(const std::vector<std::string_view>& nearest);

}  // namespace tensorwarden::rules
