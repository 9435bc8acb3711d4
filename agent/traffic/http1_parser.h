// A pull parser for the inbound side of one HTTP/1.x connection. It keeps an unfinished head and nothing else; bodies
// pass through in pieces, and may be passed over unseen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/traffic/http1_head.h"

namespace tensorwarden {

class Http1Parser {
 public:
  enum class Step : uint8_t {
    kMore,    // all bytes consumed; feed the next ones
    kHead,    // a head is complete: head() until the next call
    kBody,    // piece() holds body bytes until the next call
    kEnd,     // the message is complete
    kCut,     // a head too long or with unknown framing: head() holds what was readable; lost from here
    kBroken,  // no HTTP/1.x request; lost from here
  };

  explicit Http1Parser(size_t max_head_bytes) : max_head_bytes_(max_head_bytes) {}

  // Consumes a prefix of `bytes`. Call again with the rest until it says kMore.
  Step Consume(std::string_view& bytes);
  // The stream went on unseen. Harmless inside a body; otherwise the parser is lost. kMore, kCut or kBroken.
  Step Skip(uint64_t bytes);
  // Body bytes that follow and whose contents do not matter to framing.
  uint64_t Skippable() const { return state_ == State::kBody || state_ == State::kChunkBody ? left_ : 0; }
  bool Lost() const { return state_ == State::kLost; }
  // No longer knows where requests begin.
  void Lose();
  // Ready for a head at the next byte.
  void Restart();
  const Http1Head& head() const { return head_; }
  std::string_view piece() const { return piece_; }
  size_t BufferedBytes() const { return line_.capacity(); }

 private:
  enum class State : uint8_t { kHead, kBody, kChunkSize, kChunkBody, kChunkEnd, kTrailer, kDone, kLost };

  Step ConsumeHead(std::string_view& bytes);
  Step FinishHead(std::string_view text);
  Step ConsumeBody(std::string_view& bytes);
  Step ConsumeLine(std::string_view& bytes);
  Step FinishLine(std::string_view line);
  void DropLine();
  Step CutShort();
  Step Break();

  size_t max_head_bytes_;
  State state_ = State::kHead;
  uint64_t left_ = 0;          // of the body or chunk
  size_t scanned_ = 0;         // of line_: no end of the head before here
  bool head_in_line_ = false;  // head() points into line_
  std::string line_;           // unfinished head, chunk size or trailer line
  Http1Head head_;
  std::string_view piece_;
};

}  // namespace tensorwarden
