#include "agent/traffic/http1_head.h"

#include <algorithm>
#include <array>
#include <optional>

namespace tensorwarden {
namespace {

constexpr std::array<std::string_view, 9> kMethods = {"GET ",   "POST ",    "PUT ",     "HEAD ", "DELETE ",
                                                      "PATCH ", "OPTIONS ", "CONNECT ", "TRACE "};
constexpr size_t kMaxMethodBytes = 32;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool IsToken(char c) {
  return (c >= '0' && c <= '9') || (Lower(c) >= 'a' && Lower(c) <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return IsToken(c); });
}

// Cuts the next line, without its end, off `text`. False when no line end is left.
bool NextLine(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return true;
}

bool IsHttp1Version(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/1.") && text[7] >= '0' && text[7] <= '9';
}

bool ParseRequestLine(std::string_view line, Http1Head& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || first > kMaxMethodBytes) return false;
  head.method = line.substr(0, first);
  head.target = TrimBlanks(line.substr(first + 1, last - first - 1));
  return IsToken(head.method) && !head.target.empty() && IsHttp1Version(line.substr(last + 1));
}

std::optional<uint64_t> ParseLength(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;  // 18 digits always fit
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

// Takes one header line's word on how the body is framed into account.
void Frame(std::string_view name, std::string_view value, Http1Head& head) {
  if (EqualsIgnoreCase(name, "content-length")) {
    const auto length = ParseLength(value);
    const bool same = head.framing == Framing::kLength && length == head.content_length;
    if (!length || (head.framing != Framing::kNone && !same)) {
      head.framing = Framing::kUnknown;
      return;
    }
    head.framing = Framing::kLength;
    head.content_length = *length;
  } else if (EqualsIgnoreCase(name, "transfer-encoding")) {
    const bool chunked = EqualsIgnoreCase(TrimBlanks(value.substr(value.rfind(',') + 1)), "chunked");
    head.framing = chunked && head.framing == Framing::kNone ? Framing::kChunked : Framing::kUnknown;
  }
}

void ParseHeaderLine(std::string_view line, Http1Head& head) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, std::min(colon, line.size()));
  if (colon == std::string_view::npos || !IsToken(name) || head.headers.size() == kMaxHeaders) {
    head.framing = Framing::kUnknown;
    return;
  }
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  head.headers.emplace_back(name, value);
  Frame(name, value, head);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool IsPlain(int c) { return c > 0x20 && c < 0x7f; }

void AppendEncoded(uint8_t byte, std::string& out) {
  out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
}

// "http://host/path" -> "/path"; anything else is left as it is.
std::string_view StripAuthority(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const size_t slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

}  // namespace

bool EqualsIgnoreCase(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) { return Lower(a) == b; });
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ParseHead(std::string_view text, Http1Head& head) {
  head.headers.clear();
  head.framing = Framing::kNone;
  head.content_length = 0;
  std::string_view line;
  if (!NextLine(text, line) || !ParseRequestLine(line, head)) return false;
  while (NextLine(text, line) && !line.empty()) ParseHeaderLine(line, head);
  return true;
}

bool StartsWithRequestLine(std::string_view text) {
  Http1Head head;
  std::string_view line;
  return text.size() >= 4 && MayStartRequest(text) && NextLine(text, line) && ParseRequestLine(line, head);
}

bool MayStartRequest(std::string_view text) {
  if (text.empty()) return false;
  return std::any_of(kMethods.begin(), kMethods.end(), [text](std::string_view method) {
    const size_t n = std::min(text.size(), method.size());
    return text.substr(0, n) == method.substr(0, n);
  });
}

std::string_view FindHeader(const Http1Head& head, std::string_view lower_name) {
  for (const auto& [name, value] : head.headers)
    if (EqualsIgnoreCase(name, lower_name)) return value;
  return {};
}

std::string NormalisePath(std::string_view target, size_t max_bytes) {
  std::string_view path = StripAuthority(target);
  path = path.substr(0, path.find_first_of("?#"));
  std::string out;
  out.reserve(std::min(path.size(), max_bytes) + 3);
  for (size_t i = 0; i < path.size() && out.size() < max_bytes; ++i) {
    const int high = path[i] == '%' && i + 2 < path.size() ? HexDigit(path[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(path[i + 2]) : -1;
    const int decoded = low >= 0 ? high * 16 + low : -1;
    if (decoded != '%' && IsPlain(decoded)) {
      out.push_back(static_cast<char>(decoded));
      i += 2;
    } else if (IsPlain(static_cast<uint8_t>(path[i]))) {
      out.push_back(path[i]);
    } else {
      AppendEncoded(static_cast<uint8_t>(path[i]), out);
    }
  }
  out.resize(std::min(out.size(), max_bytes));
  return out;
}

}  // namespace tensorwarden
