#include "agent/traffic/prompt.h"

#include <algorithm>
#include <array>

namespace tensorwarden {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Walks the strings of a JSON text and keeps the one that is the prompt. It checks no grammar: what is not JSON yields
// nothing, or a string that is as good a fingerprint as any.
class PromptScanner {
 public:
  explicit PromptScanner(std::string_view body) : body_(body) {}

  std::string_view Find() {
    while (at_ < body_.size() && !done_) {
      const char c = body_[at_];
      if (c == '"') {
        TakeString(ReadString());
        continue;
      }
      if (c == '}') EndObject();
      if (c == ',' && !in_array_) key_ = {};
      if (c == '[') in_array_ = true;
      if (c == ']' || c == '{') in_array_ = false;
      ++at_;
    }
    EndObject();
    return prompt_;
  }

 private:
  // The string that begins at at_, to its end or the body's.
  std::string_view ReadString() {
    const size_t start = ++at_;
    while (at_ < body_.size() && body_[at_] != '"') at_ += body_[at_] == '\\' ? 2 : 1;
    const size_t end = std::min(at_, body_.size());
    at_ = std::min(at_ + 1, body_.size());
    return body_.substr(start, end - start);
  }

  bool AtColon() {
    while (at_ < body_.size() && IsBlank(body_[at_])) ++at_;
    return at_ < body_.size() && body_[at_] == ':';
  }

  void TakeString(std::string_view text) {
    if (AtColon()) {
      key_ = text;
      in_messages_ |= key_ == "messages";
    } else if (!key_.empty()) {
      TakeValue(text);
      key_ = {};  // of an array, the first string counts
    }
  }

  void TakeValue(std::string_view text) {
    constexpr std::array<std::string_view, 4> kPlain = {"prompt", "input", "inputs", "text"};
    if (in_messages_ && key_ == "role") {
      role_ = text;
    } else if (in_messages_ && (key_ == "content" || key_ == "text")) {
      content_ = text;
      if (role_ == "user") prompt_ = text;
    } else if (!in_messages_ && std::find(kPlain.begin(), kPlain.end(), key_) != kPlain.end()) {
      prompt_ = text;
      done_ = true;
    }
  }

  // "content" may stand before "role": only the object's end tells. A part of a list ends without either being over.
  void EndObject() {
    key_ = {};
    if (role_.empty()) return;
    if (role_ == "user" && !content_.empty()) prompt_ = content_;
    if (!content_.empty()) role_ = content_ = {};
  }

  std::string_view body_;
  size_t at_ = 0;
  std::string_view key_, role_, content_, prompt_;
  bool in_messages_ = false, in_array_ = false, done_ = false;
};

}  // namespace

std::string_view FindPrompt(std::string_view body) { return PromptScanner(body).Find(); }

}  // namespace tensorwarden
