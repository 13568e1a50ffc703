#include "base/base64.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace oko {
namespace {

TEST(Base64Test, EncodesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64_of(""), "");
  EXPECT_EQ(base64_of("f"), "Zg==");
  EXPECT_EQ(base64_of("fo"), "Zm8=");
  EXPECT_EQ(base64_of("foo"), "Zm9v");
  EXPECT_EQ(base64_of("foob"), "Zm9vYg==");
  EXPECT_EQ(base64_of("\xfb\xff\xfe"), "+//+");
}

TEST(Base64Test, DecodesWhatItEncodes) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::string text = base64_of(bytes);
    EXPECT_EQ(text.size() % 4, 0u);
    EXPECT_EQ(bytes_of_base64(text), bytes);
    EXPECT_EQ(bytes_of_base64(text.substr(0, text.find('='))), bytes) << "without padding";
  }
}

TEST(Base64Test, RefusesWhatIsNoBase64) {
  for (const char* text : {"Z", "Zm9vY", "Zg=", "Zg===", "=", "====", "Zm=v", "Zm9v\n", "Zm 9",
                           "Zm-_", "Zm9v====", "\xd0\x96g=="}) {
    EXPECT_FALSE(bytes_of_base64(text)) << text;
  }
}

TEST(Base64Test, RefusesEachCharacterThatIsNoDigitAtEachPlace) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const std::string whole : {"oko7oko7", "oko7oko", "oko7ok"}) {
    for (std::size_t place = 0; place < whole.size(); ++place) {
      for (int c = 0; c < 256; ++c) {
        std::string text = whole;
        text[place] = static_cast<char>(c);
        const bool is_digit = digits.find(static_cast<char>(c)) != std::string::npos;
        const bool is_padding = c == '=' && text.size() == 8 && place == 7;
        EXPECT_EQ(bytes_of_base64(text).has_value(), is_digit || is_padding)
            << text.size() << " characters, " << c << " at " << place;
      }
    }
  }
}

}  // namespace
}  // namespace oko
