#include "hub/digest.h"

#include <gtest/gtest.h>

#include <string_view>

namespace oko::hub {
namespace {

std::string digest_of(DigestKind kind, std::string_view text, std::size_t step) {
  Digest digest(kind);
  const auto bytes = std::as_bytes(std::span(text));
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    digest.update(bytes.subspan(at, std::min(step, bytes.size() - at)));
  }
  return digest.finish();
}

/// FIPS 180-2, appendices A and B.
TEST(DigestTest, EqualsTheExamplesOfTheStandard) {
  const std::string_view long_text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  const std::string million(1'000'000, 'a');
  for (const std::size_t step : {1, 7, 64, 1'000'000}) {
    EXPECT_EQ(digest_of(DigestKind::kSha256, "abc", step),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(digest_of(DigestKind::kSha256, long_text, step),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(digest_of(DigestKind::kSha256, million, step),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    EXPECT_EQ(digest_of(DigestKind::kSha1, "abc", step),
              "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(digest_of(DigestKind::kSha1, long_text, step),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  }
  EXPECT_EQ(digest_of(DigestKind::kSha256, "", 1),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace oko::hub
