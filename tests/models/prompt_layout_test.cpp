#include "models/qwen3_vl/prompt_layout.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace oko::models::qwen3_vl {
namespace {

constexpr std::int32_t kImage = 99;

Config small_config() {
  Config config;
  config.text.vocab_size = 100;
  config.image_token_id = kImage;
  config.vision.spatial_merge_size = 2;
  return config;
}

/// Two texts of 2 and 3 tokens around pictures of 2 × 3 and 1 × 2 tokens.
PromptLayout two_pictures(ContentKey first, ContentKey second, GridThw grid = {1, 4, 6}) {
  std::vector<std::int32_t> ids{1, 2};
  ids.insert(ids.end(), 6, kImage);
  ids.insert(ids.end(), {3, 4});
  ids.insert(ids.end(), 2, kImage);
  ids.insert(ids.end(), {5, 6, 7});
  const PromptImage images[] = {{grid, first}, {{1, 2, 4}, second}};
  return layout_prompt(ids, images, small_config());
}

TEST(PromptLayoutTest, FindsThePictures) {
  const PromptLayout prompt = two_pictures({1, 1}, {2, 2});
  ASSERT_EQ(prompt.size(), 15u);
  ASSERT_EQ(prompt.images.size(), 2u);
  EXPECT_EQ(prompt.images[0].first, 2u);
  EXPECT_EQ(prompt.images[0].count, 6u);
  EXPECT_EQ(prompt.images[1].first, 10u);
  EXPECT_EQ(prompt.images[1].count, 2u);
  // 2 + max(2, 3) rows or columns, 2 + max(1, 2), 3: the last token is at 2 + 3 + 2 + 2 + 2.
  EXPECT_EQ(prompt.positions.back(), (std::array<std::int32_t, 3>{11, 11, 11}));
  EXPECT_EQ(prompt.rope_delta, 12 - 15);
}

TEST(PromptLayoutTest, RefusesTokensAndPicturesThatDisagree) {
  const auto code_of = [](std::vector<std::int32_t> ids, std::vector<PromptImage> images) {
    try {
      layout_prompt(std::move(ids), images, small_config());
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kUsage;
  };
  EXPECT_EQ(code_of({}, {}), ErrorCode::kFailed);
  EXPECT_EQ(code_of({1, 100}, {}), ErrorCode::kBadModel);
  EXPECT_EQ(code_of({1, -1}, {}), ErrorCode::kBadModel);
  EXPECT_EQ(code_of({1, kImage}, {}), ErrorCode::kFailed);
  EXPECT_EQ(code_of({1, 2}, {{{1, 2, 2}}}), ErrorCode::kFailed);
  EXPECT_EQ(code_of({1, kImage}, {{{1, 2, 4}}}), ErrorCode::kFailed);
}

TEST(PromptLayoutTest, PromptsHaveAPrefixInCommonUpToTheFirstDifference) {
  const PromptLayout prompt = two_pictures({1, 1}, {2, 2});
  EXPECT_EQ(common_prefix(prompt, prompt), prompt.size());
  PromptLayout other = prompt;
  other.ids[13] = 8;
  EXPECT_EQ(common_prefix(prompt, other), 13u);
  other.ids[0] = 8;
  EXPECT_EQ(common_prefix(prompt, other), 0u);
  PromptLayout shorter = prompt;
  shorter.ids.resize(5);
  shorter.positions.resize(5);
  shorter.images.resize(1);
  EXPECT_EQ(common_prefix(prompt, shorter), 5u);
  EXPECT_EQ(common_prefix(shorter, prompt), 5u);
}

TEST(PromptLayoutTest, APictureOfOtherContentEndsThePrefix) {
  const PromptLayout prompt = two_pictures({1, 1}, {2, 2});
  EXPECT_EQ(common_prefix(prompt, two_pictures({1, 1}, {2, 3})), 10u);
  EXPECT_EQ(common_prefix(prompt, two_pictures({7, 1}, {2, 2})), 2u);
}

TEST(PromptLayoutTest, APictureOfAnotherShapeEndsThePrefix) {
  const PromptLayout wide = two_pictures({1, 1}, {2, 2});
  const PromptLayout high = two_pictures({1, 1}, {2, 2}, {1, 6, 4});
  EXPECT_LT(common_prefix(wide, high), wide.images[0].first + wide.images[0].count);
}

}  // namespace
}  // namespace oko::models::qwen3_vl
