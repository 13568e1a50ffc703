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

}  // namespace
}  // namespace oko
