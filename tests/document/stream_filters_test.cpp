#include "document/stream_filters.h"

#include <gtest/gtest.h>

namespace oko::document {
namespace {

using std::string_literals::operator""s;

std::string decoded(std::string_view filter, std::string_view data) {
  return without_filter(filter, data, 1'000'000).value_or("none");
}

TEST(StreamFilters, TextOfEachFilterIsDecodedUpToItsEnd) {
  EXPECT_EQ(decoded("/ASCII85Decode", "z9jqo^BlbD-~>"), "\0\0\0\0Man is d"s);
  EXPECT_EQ(decoded("/ASCII85Decode", "9jqo^\nBlbD-Bla~>more"), "Man is dis");
  EXPECT_EQ(decoded("/ASCIIHexDecode", "48 65\n6C6c 6F 7>41"), "Hellop");
  EXPECT_EQ(decoded("/RunLengthDecode",
                    "\x02"
                    "abc\xFE"
                    "d\x80"
                    "e"s),
            "abcddd");
  // The example of ISO 32000-1, 7.4.4.2.
  EXPECT_EQ(decoded("/LZWDecode", "\x80\x0B\x60\x50\x22\x0C\x0C\x85\x01"s), "-----A---B");
}

TEST(StreamFilters, TruncatedDataGiveTheirStart) {
  EXPECT_EQ(decoded("/ASCII85Decode", "9jqo^Bl"), "Man i");
  EXPECT_EQ(decoded("/RunLengthDecode",
                    "\x05"
                    "abc"s),
            "abc");
  EXPECT_EQ(decoded("/LZWDecode", "\x80\x0B\x60\x50\x22"s), "-----");
  EXPECT_EQ(decoded("/LZWDecode", "\xFF\xFF"s), "");
}

TEST(StreamFilters, DecodesLargeDataUpToALimit) {
  const std::string runs(2000, '\x81');
  EXPECT_LT(without_filter("/RunLengthDecode", runs, 1000)->size(), 1200U);
  EXPECT_FALSE(without_filter("/JPXDecode", runs, 1000));
}

}  // namespace
}  // namespace oko::document
