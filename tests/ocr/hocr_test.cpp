#include "ocr/hocr.h"

#include <gtest/gtest.h>

namespace oko::ocr {
namespace {

TEST(HocrTest, EachPageNamesItsFileAndItsNumberThere) {
  HocrWriter writer;
  const document::Page page{100, 200, {}};
  const std::string first = writer.page(page, "a & \"b\".pdf", 1);
  EXPECT_NE(first.find("title=\"image &quot;a &amp; \\&quot;b\\&quot;.pdf&quot;; bbox 0 0 100 200; "
                       "ppageno 0; x_source &quot;a &amp; \\&quot;b\\&quot;.pdf&quot; 1\""),
            std::string::npos)
      << first;
  writer.skip_page();
  const std::string third = writer.page(page, "c.png", 0);
  EXPECT_NE(third.find("image &quot;c.png&quot;; bbox 0 0 100 200; ppageno 2; "
                       "x_source &quot;c.png&quot; 0\""),
            std::string::npos)
      << third;
  EXPECT_NE(third.find("id=\"page_3\""), std::string::npos);
}

}  // namespace
}  // namespace oko::ocr
