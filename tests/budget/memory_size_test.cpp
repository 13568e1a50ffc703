#include "budget/memory_size.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace oko::budget {
namespace {

constexpr std::uint64_t kMebibyte = 1024 * 1024;

TEST(MemorySizeTest, UnitsArePowersOf1024) {
  EXPECT_EQ(parse_memory_size("8GB"), 8192 * kMebibyte);
  EXPECT_EQ(parse_memory_size("8 GiB"), 8192 * kMebibyte);
  EXPECT_EQ(parse_memory_size("8g"), 8192 * kMebibyte);
  EXPECT_EQ(parse_memory_size("1.5GB"), 1536 * kMebibyte);
  EXPECT_EQ(parse_memory_size("2.25 TB"), 2304 * 1024 * kMebibyte);
  EXPECT_EQ(parse_memory_size("1,5GB"), 1536 * kMebibyte);
  EXPECT_EQ(parse_memory_size("1.125GB"), 1152 * kMebibyte);
  EXPECT_EQ(parse_memory_size(".5GB"), 512 * kMebibyte);
  EXPECT_EQ(parse_memory_size("700MB"), 700 * kMebibyte);
  EXPECT_EQ(parse_memory_size("1t"), kMebibyte * kMebibyte);
  EXPECT_EQ(parse_memory_size("8 ГБ"), 8192 * kMebibyte);
  EXPECT_EQ(parse_memory_size("700мб"), 700 * kMebibyte);
}

TEST(MemorySizeTest, PeopleReadTheUnitThatTheyType) {
  const auto text = [](std::uint64_t bytes) {
    return memory_text(bytes).in(Language::kEnglish) + "|" +
           memory_text(bytes).in(Language::kRussian);
  };
  EXPECT_EQ(text(8192 * kMebibyte), "8 GB|8 ГБ");
  EXPECT_EQ(text(4800 * kMebibyte), "4.7 GB|4,7 ГБ");
  EXPECT_EQ(text(8190 * kMebibyte), "8 GB|8 ГБ");
  EXPECT_EQ(text(632 * kMebibyte), "632 MB|632 МБ");
  EXPECT_EQ(text(0), "0 MB|0 МБ");
}

TEST(MemorySizeTest, AnythingElseIsRefused) {
  for (const char* text :
       {"", "8", "GB", "8XB", "-8GB", "0GB", "8GBs", "nanGB", "infGB", "1e30GB", "8 GB GB",
        "восемь", "1e-30GB", "1.5.5GB", ".GB", "1e3MB", "1,500MB", "1,5.5GB", ",GB"}) {
    try {
      parse_memory_size(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage) << text;
      EXPECT_EQ(error.what(), std::string(text) + " is not an amount of memory");
    }
  }
}

}  // namespace
}  // namespace oko::budget
