#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include "base/text_escape.h"
#include "tests/text/corpus.h"

namespace oko::text {
namespace {

class DetokenizerTest : public ::testing::Test {
 protected:
  DetokenizerTest()
      : tokenizer_(Tokenizer::load(std::filesystem::path(OKO_TEST_DATA) / "tokenizer", {""})) {}

  /// The whole output of the detokenizer for `ids`; every piece must be whole characters.
  std::string stream(std::span<const std::int32_t> ids) {
    Detokenizer detokenizer(tokenizer_);
    std::string text;
    for (const std::int32_t id : ids) {
      const std::string piece = detokenizer.push(id);
      EXPECT_TRUE(is_utf8(piece));
      text += piece;
    }
    const std::string rest = detokenizer.flush();
    EXPECT_TRUE(is_utf8(rest));
    EXPECT_EQ(detokenizer.flush(), "");
    return text + rest;
  }

  Tokenizer tokenizer_;
};

TEST_F(DetokenizerTest, StreamedTextIsDecodedText) {
  CorpusRandom random(3);
  const auto size = static_cast<std::uint64_t>(tokenizer_.vocab_size());
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::int32_t> ids(random.below(40));
    for (std::int32_t& id : ids) {
      id = static_cast<std::int32_t>(random.below(random.below(2) != 0 ? 256 : size + 2));
    }
    EXPECT_EQ(stream(ids), tokenizer_.decode(ids, true));
  }
}

TEST_F(DetokenizerTest, ACharacterComesOutWithItsLastByte) {
  const std::int32_t ids[] = {172, 253, 246, 222};  // the byte tokens of F0 9F 98 80
  ASSERT_EQ(tokenizer_.decode(ids, true), "😀");
  Detokenizer detokenizer(tokenizer_);
  EXPECT_EQ(detokenizer.push(ids[0]), "");
  EXPECT_EQ(detokenizer.push(ids[1]), "");
  EXPECT_EQ(detokenizer.push(ids[2]), "");
  EXPECT_EQ(detokenizer.push(ids[3]), "😀");
  detokenizer.push(ids[0]);
  EXPECT_EQ(detokenizer.flush(), "\uFFFD");
}

TEST_F(DetokenizerTest, SpecialTokensHaveNoTextAndOtherAddedTokensDo) {
  std::vector<std::int32_t> ids = tokenizer_.encode_with_special("<think>да</think><|im_end|>");
  EXPECT_EQ(stream(ids), "<think>да</think>");
}

}  // namespace
}  // namespace oko::text
