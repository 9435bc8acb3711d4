#include "agent/traffic/keyed_hash.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>

namespace tensorwarden {
namespace {

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

}  // namespace

void KeyedHash::FreeContext::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

absl::StatusOr<std::unique_ptr<KeyedHash>> KeyedHash::Create(std::string_view secret) {
  if (secret.size() != kSecretBytes)
    return absl::InvalidArgumentError(fmt::format("http.secret: {} bytes, want {}", secret.size(), kSecretBytes));
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  if (mac == nullptr) return absl::InternalError("libcrypto offers no SipHash");
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);  // the context holds its own reference
  size_t size = 16;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  auto hash = std::unique_ptr<KeyedHash>(new KeyedHash(context, secret));
  if (context == nullptr || EVP_MAC_init(context, Bytes(secret), secret.size(), params) != 1)
    return absl::InternalError("libcrypto: SipHash cannot be set up");
  return hash;
}

std::array<uint8_t, 16> KeyedHash::Compute(std::string_view domain, std::string_view bytes) {
  std::array<uint8_t, 16> digest;
  size_t size = 0;
  EVP_MAC_CTX* context = context_.get();
  // A hash of nothing would merge all clients into one, so failure of a context that worked before is not survivable.
  if (EVP_MAC_init(context, Bytes(secret_), secret_.size(), nullptr) != 1 ||
      EVP_MAC_update(context, Bytes(domain), domain.size()) != 1 ||
      EVP_MAC_update(context, Bytes(bytes), bytes.size()) != 1 ||
      EVP_MAC_final(context, digest.data(), &size, digest.size()) != 1 || size != digest.size())
    std::abort();
  return digest;
}

std::array<uint8_t, 16> KeyedHash::Hash128(std::string_view bytes) { return Compute({}, bytes); }

uint64_t KeyedHash::Hash64(HashDomain domain, std::string_view bytes) {
  const char tag = static_cast<char>(domain);
  const auto digest = Compute({&tag, 1}, bytes);
  uint64_t half;
  std::memcpy(&half, digest.data(), sizeof(half));
  return half == 0 ? 1 : half;
}

std::string KeyedHash::Hex(HashDomain domain, std::string_view bytes) {
  const char tag = static_cast<char>(domain);
  std::string hex;
  hex.reserve(32);
  for (uint8_t byte : Compute({&tag, 1}, bytes)) {
    hex.push_back("0123456789abcdef"[byte >> 4]);
    hex.push_back("0123456789abcdef"[byte & 15]);
  }
  return hex;
}

}  // namespace tensorwarden
