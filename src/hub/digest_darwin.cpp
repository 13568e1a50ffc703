#include <CommonCrypto/CommonDigest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "hub/digest.h"

namespace oko::hub {

struct Digest::State {
  DigestKind kind;
  CC_SHA256_CTX sha256{};
  CC_SHA1_CTX sha1{};
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>(State{kind})) {
  if (kind == DigestKind::kSha256) {
    CC_SHA256_Init(&state_->sha256);
  } else {
    CC_SHA1_Init(&state_->sha1);
  }
}

Digest::~Digest() = default;
Digest::Digest(Digest&& other) noexcept = default;
Digest& Digest::operator=(Digest&& other) noexcept = default;

void Digest::update(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto size = static_cast<CC_LONG>(std::min<std::size_t>(bytes.size(), UINT32_MAX));
    if (state_->kind == DigestKind::kSha256) {
      CC_SHA256_Update(&state_->sha256, bytes.data(), size);
    } else {
      CC_SHA1_Update(&state_->sha1, bytes.data(), size);
    }
    bytes = bytes.subspan(size);
  }
}

std::string Digest::finish() {
  std::array<unsigned char, CC_SHA256_DIGEST_LENGTH> hash{};
  std::size_t size = CC_SHA256_DIGEST_LENGTH;
  if (state_->kind == DigestKind::kSha256) {
    CC_SHA256_Final(hash.data(), &state_->sha256);
  } else {
    CC_SHA1_Final(hash.data(), &state_->sha1);
    size = CC_SHA1_DIGEST_LENGTH;
  }
  return fmt::format("{:02x}", fmt::join(hash.data(), hash.data() + size, ""));
}

}  // namespace oko::hub
