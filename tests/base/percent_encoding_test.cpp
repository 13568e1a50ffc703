#include "base/percent_encoding.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace oko {
namespace {

TEST(PercentEncodingTest, EscapesAreBytes) {
  EXPECT_EQ(percent_decoded(""), "");
  EXPECT_EQ(percent_decoded("a+b"), "a+b");
  EXPECT_EQ(percent_decoded("p%40ss%3a%3A%25"), "p@ss::%");
  EXPECT_EQ(percent_decoded("%d0%B1"), "б");
  EXPECT_EQ(percent_decoded("%00"), std::string(1, '\0'));
}

TEST(PercentEncodingTest, EscapesThatAreNoneAreRefused) {
  for (const char* wrong : {"%", "a%", "a%4", "%4g", "%g4", "%-1", "%+1", "% 1", "%%41"}) {
    EXPECT_EQ(percent_decoded(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace oko
