// One HTTP/1.x request head as views into its bytes: what metering needs, and how the body is framed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tensorwarden {

enum class Framing : uint8_t {
  kNone,     // no body
  kLength,   // content_length bytes
  kChunked,  // chunked coding
  kUnknown,  // two lengths, length and coding, a foreign coding, a folded line: servers differ, so we do not guess
};

struct Http1Head {
  std::string_view method;
  std::string_view target;
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // name as sent, value without outer blanks
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
};

inline constexpr size_t kMaxHeaders = 256;  // more are ignored, and make the framing unknown

// Parses the lines of `text` into `head`, whose vector is reused. Lines end in LF or CRLF; text that stops inside a
// header line (a head cut short) gives what is complete. False when the first line is no HTTP/1.x request line.
bool ParseHead(std::string_view text, Http1Head& head);

// True when `text` begins with a whole request line of a registered method: what we accept as a place to resume.
bool StartsWithRequestLine(std::string_view text);

// True when `text` may be the beginning of a request of a registered method, however short it is.
bool MayStartRequest(std::string_view text);

// The value of the first header called `lower_name`, or an empty view.
std::string_view FindHeader(const Http1Head& head, std::string_view lower_name);

// Path of a request target: without scheme, host, query and fragment, percent-decoded once where the result is a
// printable ASCII character other than '%', other bytes percent-encoded; cut to `max_bytes`.
std::string NormalisePath(std::string_view target, size_t max_bytes);

bool EqualsIgnoreCase(std::string_view text, std::string_view lower);
std::string_view TrimBlanks(std::string_view text);

}  // namespace tensorwarden
