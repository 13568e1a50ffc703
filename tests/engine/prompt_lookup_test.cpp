#include "engine/prompt_lookup.h"

#include <gtest/gtest.h>

namespace oko::engine {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(PromptLookupTest, GuessesTokensThatFollowedTheSameOnesBefore) {
  EXPECT_EQ(PromptLookup(Ids{1, 2, 3, 4, 5, 9, 1, 2}).draft(), (Ids{3, 4, 5}));
}

TEST(PromptLookupTest, TheLongestAgreementWinsThenTheLatest) {
  // The last token after "2 3" was 7, but after "1 2 3" it was 4.
  EXPECT_EQ(PromptLookup(Ids{1, 2, 3, 4, 8, 8, 2, 3, 7, 8, 1, 2, 3}).draft(), (Ids{4, 8, 8}));
  EXPECT_EQ(PromptLookup(Ids{2, 3, 4, 8, 2, 3, 7, 8, 2, 3}).draft(), (Ids{7, 8, 2}));
}

TEST(PromptLookupTest, NoHintGivesNoGuess) {
  EXPECT_TRUE(PromptLookup(Ids{}).draft().empty());
  EXPECT_TRUE(PromptLookup(Ids{1}).draft().empty());
  EXPECT_TRUE(PromptLookup(Ids{1, 2}).draft().empty());
  EXPECT_TRUE(PromptLookup(Ids{1, 2, 3, 1, 4, 2}).draft().empty()) << "one token is no agreement";
}

TEST(PromptLookupTest, GuessesThatARunContinues) {
  EXPECT_EQ(PromptLookup(Ids{5, 5, 5, 5}).draft(), (Ids{5}));
  EXPECT_EQ(PromptLookup(Ids{1, 2, 1, 2, 1, 2}).draft(), (Ids{1, 2}));
}

TEST(PromptLookupTest, PushedTokensCount) {
  PromptLookup lookup(Ids{1, 2, 3, 4, 9});
  lookup.push(1);
  EXPECT_TRUE(lookup.draft().empty());
  lookup.push(2);
  EXPECT_EQ(lookup.draft(), (Ids{3, 4, 9}));
}

TEST(PromptLookupTest, GuessesGrowWhileTheyAreRightAndShrinkWhenNot) {
  Ids ids;
  for (int i = 0; i < 20; ++i) ids.push_back(i);
  ids.insert(ids.end(), {0, 1});
  PromptLookup lookup(ids);
  EXPECT_EQ(lookup.draft().size(), 3u);
  lookup.update_acceptance(3, 3);
  EXPECT_EQ(lookup.draft().size(), PromptLookup::kMaxDraft);
  lookup.update_acceptance(7, 2);
  EXPECT_EQ(lookup.draft().size(), 2u);
  lookup.update_acceptance(2, 0);
  EXPECT_EQ(lookup.draft().size(), 1u);
}

}  // namespace
}  // namespace oko::engine
