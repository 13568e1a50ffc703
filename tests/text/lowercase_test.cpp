#include "text/lowercase.h"

#include <gtest/gtest.h>

namespace oko::text {
namespace {

// Values: HF tokenizers 0.23.3, normalizers.Lowercase().
TEST(LowercaseTest, LettersBecomeSmallOneByOne) {
  EXPECT_EQ(lowercase("Молоко ХЛЕБ Чек №5 ЁЖ"), "молоко хлеб чек №5 ёж");
  EXPECT_EQ(lowercase("Hello, WORLD-42_z"), "hello, world-42_z");
  EXPECT_EQ(lowercase("ΟΔΟΣ"), "οδοσ");  // no final sigma
  EXPECT_EQ(lowercase("Straße ẞ Ǆ ǅ ĀĂ Ÿ"), "straße ß ǆ ǆ āă ÿ");
  EXPECT_EQ(lowercase("\u0130I"), "i\u0307i");
  EXPECT_EQ(lowercase("Ω K Å 𐐀 Ꭰ Ა"), "ω k å 𐐨 ꭰ ა");
  EXPECT_EQ(lowercase("中文 😀 עברית"), "中文 😀 עברית");
  EXPECT_EQ(lowercase(""), "");
}

TEST(LowercaseTest, IllFormedBytesAreReplaced) {
  EXPECT_EQ(lowercase("A\xFFQ"), "a\uFFFDq");
}

}  // namespace
}  // namespace oko::text
