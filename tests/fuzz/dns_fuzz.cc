// The question of a DNS message, from any bytes: what comes out can be shown to people and is bounded.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "agent/event/dns_question.h"

namespace {

bool IsShown(char c) { return c > ' ' && c < 0x7f && (c < 'A' || c > 'Z'); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  // A heap copy of the exact size, so that the sanitizer sees the first byte read too far.
  const std::vector<uint8_t> message(bytes, bytes + size);
  const tensorwarden::DnsQuestion question = tensorwarden::ParseDnsQuestion(message);
  if (question.name.size() > tensorwarden::kMaxDnsName) std::abort();
  if (!std::all_of(question.name.begin(), question.name.end(), IsShown)) std::abort();
  if (question.name.empty() && (!question.malformed || question.type != 0)) std::abort();
  return 0;
}
