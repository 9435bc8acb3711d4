// SipHash-2-4 under a secret of this host: equal inputs meet again, and nobody without the secret can try candidates.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

typedef struct evp_mac_ctx_st EVP_MAC_CTX;

namespace tensorwarden {

inline constexpr size_t kSecretBytes = 16;

// What is hashed; part of the input, so that equal bytes of different kinds cannot be matched with each other.
enum class HashDomain : char { kApiKey = 'k', kUserAgent = 'u', kPrefix = 'p', kBody = 'b' };

// One context, set up once and keyed again for each hash. Not safe for concurrent use.
class KeyedHash {
 public:
  // Errors: InvalidArgument when the secret is not 16 bytes; Internal when the library has no SipHash.
  static absl::StatusOr<std::unique_ptr<KeyedHash>> Create(std::string_view secret);

  // The bare 128-bit hash, as in the published vectors.
  std::array<uint8_t, 16> Hash128(std::string_view bytes);
  // The first half of the hash of domain and bytes. Never 0, which stands for "nothing seen".
  uint64_t Hash64(HashDomain domain, std::string_view bytes);
  // 32 hex digits of the hash of domain and bytes.
  std::string Hex(HashDomain domain, std::string_view bytes);

 private:
  struct FreeContext {
    void operator()(EVP_MAC_CTX* context) const;
  };
  KeyedHash(EVP_MAC_CTX* context, std::string_view secret) : context_(context), secret_(secret) {}
  std::array<uint8_t, 16> Compute(std::string_view domain, std::string_view bytes);

  std::unique_ptr<EVP_MAC_CTX, FreeContext> context_;
  std::string secret_;
};

}  // namespace tensorwarden
