#include "agent/event/dns_question.h"

#include <fmt/format.h>

#include <algorithm>

namespace tensorwarden {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kTypeAndClassBytes = 4;
constexpr size_t kMaxLabel = 63;      // above it are pointers and what was never given a meaning
constexpr size_t kMaxWireName = 255;  // with lengths and the root's zero
constexpr uint8_t kAnswerBit = 0x80;

uint16_t Word(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void AppendEscaped(uint8_t byte, std::string& text) {
  const char c = static_cast<char>(byte);
  if (c == '.' || c == '\\') {
    text += {'\\', c};
  } else if (byte <= ' ' || byte >= 0x7f) {
    text += fmt::format("\\{:03}", byte);
  } else {
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
}

// The end stays: it says whose domain it is. An escape is not cut apart.
void CutBeginning(std::string& text) {
  size_t begin = 0;
  while (text.size() - begin > kMaxDnsName) {
    const bool escape = text[begin] == '\\';
    const bool digits = escape && text[begin + 1] >= '0' && text[begin + 1] <= '9';
    begin += digits ? 4 : escape ? 2 : 1;
  }
  text.erase(0, begin);
}

// Reads the name at the front and takes it off `bytes`. "": not readable.
std::string TakeName(std::span<const uint8_t>& bytes) {
  std::string name;
  for (size_t at = 0; at < std::min(bytes.size(), kMaxWireName);) {
    const size_t length = bytes[at++];
    if (length == 0) {
      bytes = bytes.subspan(at);
      CutBeginning(name);
      return name.empty() ? "." : name;
    }
    if (length > kMaxLabel || length >= bytes.size() - at) return "";
    if (!name.empty()) name += '.';
    for (const uint8_t byte : bytes.subspan(at, length)) AppendEscaped(byte, name);
    at += length;
  }
  return "";
}

}  // namespace

DnsQuestion ParseDnsQuestion(std::span<const uint8_t> message) {
  DnsQuestion question;
  if (message.size() < kHeaderBytes) return question;
  const bool one_query = (message[2] & kAnswerBit) == 0 && Word(message, 4) == 1;
  if (Word(message, 4) == 0) return question;
  std::span<const uint8_t> rest = message.subspan(kHeaderBytes);
  std::string name = TakeName(rest);
  if (name.empty() || rest.size() < kTypeAndClassBytes) return question;
  question.name = std::move(name);
  question.type = Word(rest, 0);
  question.malformed = !one_query;
  return question;
}

}  // namespace tensorwarden
