#include "server/multipart.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace oko::server {
namespace {

using namespace std::string_literals;

const std::string kType = "multipart/form-data; boundary=x";

TEST(Multipart, TakesFilesAndFieldsApart) {
  const std::string body =
      "a preamble\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"C:\\scans\\a \\\"b\\\".pdf\"\r\nContent-Type: application/pdf\r\n\r\n"
      "%PDF\r\n--y\r\n\0--x\r\n--x  \r\n"
      "content-disposition:form-data;NAME=format\r\n\r\ntext\r\n--x\r\n"
      "Content-Disposition: form-data; name=empty\r\n\r\n\r\n--x--\r\nan epilogue"s;
  const auto parts = parse_multipart("Multipart/Form-Data; charset=utf-8; boundary=\"x\"", body);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "file");
  EXPECT_EQ(parts[0].file_name, "a \"b\".pdf");
  EXPECT_EQ(parts[0].content, "%PDF\r\n--y\r\n\0--x"s);
  EXPECT_EQ(parts[1].name, "format");
  EXPECT_EQ(parts[1].file_name, "");
  EXPECT_EQ(parts[1].content, "text");
  EXPECT_EQ(parts[2].content, "");
}

TEST(Multipart, KnowsItsType) {
  EXPECT_TRUE(is_multipart("multipart/form-data; boundary=x"));
  EXPECT_TRUE(is_multipart("Multipart/Form-Data"));
  EXPECT_FALSE(is_multipart("multipart/form-data-2"));
  EXPECT_FALSE(is_multipart("multipart/mixed; boundary=x"));
  EXPECT_FALSE(is_multipart("application/json"));
  EXPECT_FALSE(is_multipart(""));
}

TEST(Multipart, RefusesBodiesThatAreNone) {
  const std::string part = "Content-Disposition: form-data; name=a\r\n\r\nb";
  std::string many = "--x";
  for (int i = 0; i < 65; ++i) many += "\r\n" + part + "\r\n--x";
  const struct {
    std::string type, body, names;
  } kCases[] = {
      {"multipart/form-data", "--x\r\n" + part + "\r\n--x--", "boundary"},
      {"multipart/form-data; boundary=" + std::string(71, 'x'), "", "boundary"},
      {kType, "", "first boundary"},
      {kType, "--y\r\n" + part + "\r\n--y--", "first boundary"},
      {kType, "--x", "end of line"},
      {kType, "--xy\r\n" + part + "\r\n--xy--", "end of line"},
      {kType, "--x\r\n" + part, "last boundary"},
      {kType, "--x\r\n" + part + "\n--x--", "last boundary"},
      {kType, "--x\r\nb\r\n--x--", "no header"},
      {kType, "--x\r\nA: " + std::string(9000, 'a') + "\r\n" + part + "\r\n--x--", "no header"},
      {kType, "--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--", "no name"},
      {kType, "--x\r\nX: form-data; name=a\r\n\r\nb\r\n--x--", "no name"},
      {kType, many + "--", "64 parts"},
  };
  for (const auto& [type, body, names] : kCases) {
    try {
      parse_multipart(type, body);
      ADD_FAILURE() << body;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_NE(std::string(error.what()).find(names), std::string::npos) << error.what();
    }
  }
}

/// Cut or changed anywhere it is refused or read, never read beyond its end.
TEST(Multipart, LivesThroughCutAndChangedBodies) {
  const std::string body =
      "--x\r\nContent-Disposition: form-data; name=\"f\\\"\"; filename=\"\"\r\n\r\nabc\r\n--x--";
  for (std::size_t i = 0; i < body.size(); ++i) {
    for (const char c : "\r\n-;=\"\\"s) {
      std::string changed = body;
      changed[i] = c;
      for (const std::string& each : {body.substr(0, i), changed}) {
        try {
          for (const FormPart& part : parse_multipart(kType, each)) {
            EXPECT_LE(part.content.size(), each.size());
          }
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::kUsage);
        }
      }
    }
  }
}

}  // namespace
}  // namespace oko::server
