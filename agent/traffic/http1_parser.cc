#include "agent/traffic/http1_parser.h"

#include <algorithm>

namespace tensorwarden {
namespace {

constexpr size_t kMaxLineBytes = 4096;  // of a chunk size with extensions, or a trailer
constexpr size_t kKeepBytes = 1024;     // of buffer, between requests of an idle connection
constexpr int kMaxChunkDigits = 15;

// Offset just past the empty line that ends a head, looking from `from` on; npos if there is none yet.
size_t EndOfHead(std::string_view text, size_t from) {
  for (size_t at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] == '\n') return at + 2;
    if (at + 2 < text.size() && text[at + 1] == '\r' && text[at + 2] == '\n') return at + 3;
  }
  return std::string_view::npos;
}

// Hex digits up to a chunk extension. False when there is none, or too many.
bool ParseChunkSize(std::string_view line, uint64_t& size) {
  line = TrimBlanks(line.substr(0, line.find(';')));
  if (line.empty() || line.size() > kMaxChunkDigits) return false;
  size = 0;
  for (char c : line) {
    const char lower = static_cast<char>(c | 0x20);
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (lower < 'a' || lower > 'f')) return false;
    size = size * 16 + static_cast<uint64_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return true;
}

}  // namespace

void Http1Parser::Restart() {
  state_ = State::kHead;
  left_ = 0;
  DropLine();
}

void Http1Parser::DropLine() {
  scanned_ = 0;
  head_in_line_ = false;
  if (line_.capacity() > kKeepBytes) line_ = {};
  line_.clear();
}

void Http1Parser::Lose() {
  Restart();
  state_ = State::kLost;
}

Http1Parser::Step Http1Parser::Break() {
  Lose();
  return Step::kBroken;
}

// The request line may still be whole; then the request counts, with what is known of it.
Http1Parser::Step Http1Parser::CutShort() {
  const bool readable = ParseHead(line_, head_);
  state_ = State::kLost;
  head_in_line_ = true;
  return readable ? Step::kCut : Break();
}

Http1Parser::Step Http1Parser::Consume(std::string_view& bytes) {
  if (head_in_line_) DropLine();
  for (;;) {
    switch (state_) {
      case State::kHead:
        return ConsumeHead(bytes);
      case State::kBody:
      case State::kChunkBody:
        return ConsumeBody(bytes);
      case State::kDone:
        state_ = State::kHead;
        return Step::kEnd;
      case State::kLost:
        bytes = {};
        return Step::kMore;
      default:
        const Step step = ConsumeLine(bytes);
        if (step != Step::kMore || bytes.empty()) return step;
    }
  }
}

Http1Parser::Step Http1Parser::ConsumeHead(std::string_view& bytes) {
  if (line_.empty())  // empty lines between requests are allowed
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
  if (bytes.empty()) return Step::kMore;
  if (line_.empty()) {
    const size_t end = EndOfHead(bytes, 0);
    if (end <= max_head_bytes_) {  // the usual case: all in one segment, nothing is copied
      const std::string_view text = bytes.substr(0, end);
      bytes.remove_prefix(end);
      return FinishHead(text);
    }
  }
  const size_t before = line_.size();
  line_.append(bytes.substr(0, max_head_bytes_ + 1 - before));
  const size_t end = EndOfHead(line_, scanned_);
  if (end == std::string::npos) {
    scanned_ = line_.size() > 2 ? line_.size() - 2 : 0;
    bytes.remove_prefix(line_.size() - before);
    return line_.size() > max_head_bytes_ ? CutShort() : Step::kMore;
  }
  bytes.remove_prefix(end - before);
  line_.resize(end);
  head_in_line_ = true;
  return FinishHead(line_);
}

Http1Parser::Step Http1Parser::FinishHead(std::string_view text) {
  if (!ParseHead(text, head_)) return Break();
  left_ = head_.content_length;
  if (head_.framing == Framing::kUnknown || head_.method == "CONNECT") {
    state_ = State::kLost;
    return Step::kCut;
  }
  if (head_.framing == Framing::kChunked)
    state_ = State::kChunkSize;
  else
    state_ = left_ == 0 ? State::kDone : State::kBody;
  return Step::kHead;
}

Http1Parser::Step Http1Parser::ConsumeBody(std::string_view& bytes) {
  if (bytes.empty()) return Step::kMore;
  piece_ = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
  bytes.remove_prefix(piece_.size());
  left_ -= piece_.size();
  if (left_ == 0) state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
  return Step::kBody;
}

Http1Parser::Step Http1Parser::ConsumeLine(std::string_view& bytes) {
  if (bytes.empty()) return Step::kMore;
  const size_t end = bytes.find('\n');
  line_.append(bytes.substr(0, std::min(end, kMaxLineBytes + 1)));
  if (line_.size() > kMaxLineBytes) return Break();
  if (end == std::string_view::npos) {
    bytes = {};
    return Step::kMore;
  }
  bytes.remove_prefix(end + 1);
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  const Step step = FinishLine(line_);
  line_.clear();
  return step;
}

// kMore here means: go on with what follows the line.
Http1Parser::Step Http1Parser::FinishLine(std::string_view line) {
  switch (state_) {
    case State::kChunkSize:
      if (!ParseChunkSize(line, left_)) return Break();
      state_ = left_ == 0 ? State::kTrailer : State::kChunkBody;
      return Step::kMore;
    case State::kChunkEnd:
      state_ = State::kChunkSize;
      return line.empty() ? Step::kMore : Break();
    default:  // trailer
      if (!line.empty()) return Step::kMore;
      state_ = State::kHead;
      return Step::kEnd;
  }
}

Http1Parser::Step Http1Parser::Skip(uint64_t bytes) {
  if (bytes == 0 || state_ == State::kLost) return Step::kMore;
  const uint64_t body = std::min(bytes, Skippable());
  left_ -= body;
  if (body > 0 && left_ == 0) state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
  if (body == bytes) return Step::kMore;
  return state_ == State::kHead && !line_.empty() ? CutShort() : Break();
}

}  // namespace tensorwarden
