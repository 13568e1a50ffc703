#include "text/edit_distance.h"

#include <gtest/gtest.h>

namespace oko::text {
namespace {

TEST(EditDistanceTest, CountsLettersNotBytes) {
  EXPECT_EQ(edit_distance("квитанция", "квитанцыя"), 1u);
  EXPECT_EQ(edit_distance("счёт", "счет"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(EditDistanceTest, NeighboursThatChangePlacesAreOneMistake) {
  EXPECT_EQ(edit_distance("reciept", "receipt"), 1u);
  EXPECT_EQ(edit_distance("догвоор", "договор"), 1u);
  EXPECT_EQ(edit_distance("ca", "abc"), 3u);  // no letter in two exchanges
}

TEST(EditDistanceTest, OfNothingIsTheLength) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("чек", ""), 3u);
  EXPECT_EQ(edit_distance("", "чек"), 3u);
  EXPECT_EQ(edit_distance("чек", "чек"), 0u);
}

TEST(EditDistanceTest, IsTheSameBothWays) {
  for (const auto& [a, b] : {std::pair{"абвгд", "бавд"}, std::pair{"123", "3210"}}) {
    EXPECT_EQ(edit_distance(a, b), edit_distance(b, a));
  }
}

}  // namespace
}  // namespace oko::text
