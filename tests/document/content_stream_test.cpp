#include "document/content_stream.h"

#include <gtest/gtest.h>

#include <string>

namespace oko::document {
namespace {

TEST(ContentStreamTest, StreamEndingWithAnOperatorIsComplete) {
  for (const char* content :
       {"", " \n", "% a comment", "q 1 0 0 1 0 0 cm", "BT /F 12 Tf (a \\) (b)) Tj ET % end",
        "[(a) -20 <62> 3] TJ T*", "/Span <</ActualText (x)/A [1 2]>> BDC EMC", "true ri",
        "(a) Tj ] (b) Tj", "BI /W 1 /H 1 /BPC 8 /CS /G ID (EI\n EI Q"}) {
    EXPECT_EQ(end_of(content), ContentEnd::kWhole) << content;
  }
}

TEST(ContentStreamTest, StreamEndingElsewhereIsIncomplete) {
  for (const char* content :
       {"BT (a) Tj (b", "BT (a) Tj (b\\", "BT (a) Tj <61", "[(a) -20", "/Span <</A 1", "/Span",
        "BT 12 0", "BT (a) T", "BT (a", "BI /W 1 ID \x01\x02", "(a (b) Tj 0 -12 Td (c) Tj ET"}) {
    EXPECT_EQ(end_of(content), ContentEnd::kBroken) << content;
  }
  EXPECT_EQ(end_of("BT (a) Tj"), ContentEnd::kInText);
}

TEST(ContentStreamTest, OnlyTextThatIsNeverPaintedIsTakenOut) {
  EXPECT_EQ(without_invisible_text("BT (a) Tj ET"), std::nullopt);
  EXPECT_EQ(without_invisible_text("q BT 3 Tr /F 9 Tf(a)Tj 2 0 Td [(b)] TJ ET Q BT (c) Tj ET"),
            "q BT 3 Tr /F 9 Tf\n 2 0 Td\n ET Q BT (c) Tj ET");
  EXPECT_EQ(without_invisible_text("3 Tr q 0 Tr BT (a) Tj ET Q BT (b) ' ET"),
            "3 Tr q 0 Tr BT (a) Tj ET Q BT\n ET");
  EXPECT_EQ(without_invisible_text("BT 3 Tr 1.5 2 (a) \" ET 0 Tr"),
            "BT 3 Tr\n1.5 Tw 2 Tc\n ET 0 Tr");
  EXPECT_EQ(without_invisible_text("BT 3 Tr (a) Tj 0 Tr (b) Tj ET"), std::nullopt)
      << "b stands behind a";
}

TEST(ContentStreamTest, DataOfAnInlineImageMayContainItsEnd) {
  const std::string text = " Q BT 3 Tr (a) Tj ET", without = " Q BT 3 Tr\n ET";
  for (const std::string image :
       {"BI /W 4 /H 2 /BPC 8 /CS /G ID  EI (EI \nEI",
        "BI/W 4/H 2/BPC 8/CS[/I/RGB 1<0>]ID  EI (EI EI",
        "BI /Width 2 /BitsPerComponent 8 /ColorSpace /CMYK /Height 1 ID  EI (EI \nEI",
        "BI /IM true /D [1 0] /W 29 /H 2 ID  EI (EI \nEI",
        "BI /W 1 /H 3 /BPC 8 /CS /RGB ID  EI (EI <\nEI",
        // Of unknown size, or of another one than they have.
        "BI /W 4 /H 2 /BPC 8 /CS /Own ID (((\nEI", "BI /W 4 /H 2 /BPC 8 /CS /G ID (((\nEI",
        "BI /W 4 /H 2 /BPC 8 /CS /G /F /Fl ID (((\nEI",
        "BI /W 9999999 /H 9999999 /CS /G /BPC 8 ID (\nEI"}) {
    EXPECT_EQ(without_invisible_text(image + text), image + without);
  }
}

}  // namespace
}  // namespace oko::document
