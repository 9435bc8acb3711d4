#include "agent/pipeline/redact.h"

#include <re2/re2.h>

#include <string_view>

namespace tensorwarden {
namespace {

constexpr std::string_view kStars = "***";

// The whole argument is an option's name, and the next argument is the secret.
const RE2& SecretOption() {
  static const RE2 re(R"((?i)--?[a-z0-9_-]*(api[-_]?key|token|passw(or)?d|secret|credential)s?)");
  return re;
}

// name=value or name:value inside one argument. The name may be an option, a variable or a header.
const RE2& SecretAssignment() {
  static const RE2 re(
      R"re((?i)((?:^|[\s&?;,"'{-])[a-z0-9_-]*(?:api[-_]?key|token|passw(?:or)?d|secret|credential)s?["']?\s*[=:]\s*["']?)[^\s&"']+)re");
  return re;
}

const RE2& AuthorizationHeader() {
  static const RE2 re(R"re((?i)(authorization\s*[:=]\s*(?:bearer|basic|token)?\s*)[^\s"']+)re");
  return re;
}

const RE2& UrlCredentials() {
  static const RE2 re(R"((?i)([a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+@)");
  return re;
}

// Hugging Face, OpenAI-like, AWS access key, GitHub, Slack, NVIDIA NGC.
const RE2& KnownToken() {
  static const RE2 re(
      R"(\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|nvapi-[A-Za-z0-9_-]{16,}))");
  return re;
}

}  // namespace

void RedactArguments(std::vector<std::string>& args) {
  bool next_is_secret = false;
  for (std::string& arg : args) {
    if (next_is_secret) {
      arg = kStars;
      next_is_secret = false;
      continue;
    }
    next_is_secret = RE2::FullMatch(arg, SecretOption());
    RE2::GlobalReplace(&arg, AuthorizationHeader(), R"(\1***)");
    RE2::GlobalReplace(&arg, SecretAssignment(), R"(\1***)");
    RE2::GlobalReplace(&arg, UrlCredentials(), R"(\1***@)");
    RE2::GlobalReplace(&arg, KnownToken(), "***");
  }
}

}  // namespace tensorwarden
