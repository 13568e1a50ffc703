#include "text/xml_escape.h"

#include <gtest/gtest.h>

namespace oko::text {
namespace {

TEST(XmlEscapeTest, SignsOfMarkupAreEntities) {
  EXPECT_EQ(escape_xml("<чек & \"сдача\">"), "&lt;чек &amp; &quot;сдача&quot;&gt;");
}

TEST(XmlEscapeTest, WhatXmlCannotHaveIsReplaced) {
  EXPECT_EQ(escape_xml(std::string_view("a\0b\x1b"
                                        "c",
                                        5)),
            "a\uFFFD"
            "b\uFFFD"
            "c");
  EXPECT_EQ(escape_xml("\uFFFE\xff"), "\uFFFD\uFFFD");
  EXPECT_EQ(escape_xml("a\tb\n"), "a\tb\n");
}

}  // namespace
}  // namespace oko::text
