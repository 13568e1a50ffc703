#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "document/text_document.h"

namespace oko::document {
namespace {

using Kind = TextBlock::Kind;

TextDocument parse_email(std::string_view bytes) {
  return parse_text_document(bytes, TextKind::kEmail, "a.eml");
}

std::vector<std::string> texts_of(const TextDocument& document) {
  std::vector<std::string> texts;
  for (const TextBlock& block : document.blocks) texts.push_back(block.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(EmailTextTest, ReadsHeaderAndText) {
  const TextDocument document = parse_email(
      "From: =?koi8-r?B?6dfBzg==?= <ivan@example.org>\r\n"
      "To: a@example.org,\r\n b@example.org\r\n"
      "Subject: =?UTF-8?Q?=D0=A1=D1=87=D1=91=D1=82_?= =?UTF-8?B?4oSWIDU=?=\r\n"
      "Date: Wed, 01 May 2024 03:00:00 +0300\r\n"
      "Content-Type: text/plain; charset=windows-1251\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
      "=CF=F0=E8=\r\n=E2=E5=F2,\r\nworld\r\n\r\n-- \r\n=DF\r\n");
  EXPECT_EQ(document.title, "Счёт № 5");
  EXPECT_EQ(document.date, std::chrono::sys_seconds(std::chrono::seconds(1714521600)));
  EXPECT_EQ(texts_of(document),
            (Texts{"Счёт № 5", "From: Иван <ivan@example.org>", "To: a@example.org, b@example.org",
                   "Привет,\nworld", "--\nЯ"}));
  EXPECT_EQ(document.blocks[0].kind, Kind::kHeading);
}

std::string alternative(const std::string& plain, const std::string& html) {
  return "Subject: x\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: "
         "text/plain; charset=utf-8\n\n" +
         plain + "\n--b\nContent-Type: text/html; charset=utf-8\n\n" + html + "\n--b--\n";
}

TEST(EmailTextTest, TakesOneAlternative) {
  EXPECT_EQ(texts_of(parse_email(alternative("просто текст", "<p>просто <b>текст</b></p>"))),
            (Texts{"x", "просто текст"}));
  EXPECT_EQ(texts_of(parse_email(alternative("см. HTML",
                                             "<title>t</title><p>Длинный текст письма "
                                             "с подробностями</p>"))),
            (Texts{"x", "Длинный текст письма с подробностями"}));
}

TEST(EmailTextTest, NamesAttachmentsAndReadsEmailsInside) {
  const TextDocument document = parse_email(
      "Subject: outer\nContent-Type: multipart/mixed; boundary=b\n\n"
      "--b\nContent-Type: text/plain\n\nbody\n"
      "--b\nContent-Type: application/pdf\nContent-Disposition: attachment; "
      "filename*=utf-8''%D1%81%D1%87%D1%91%D1%82.pdf\n\nx\n"
      "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=\"n.txt\"\n\nx\n"
      "--b\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: text/plain\n\ndeep\n"
      "--b--\n");
  EXPECT_EQ(texts_of(document), (Texts{"outer", "body", "inner", "deep", "счёт.pdf", "n.txt"}));
  EXPECT_EQ(document.title, "outer");
  ASSERT_EQ(document.notes.size(), 1u);
  EXPECT_EQ(document.notes[0].in(Language::kEnglish),
            "its attachments were not read: счёт.pdf, n.txt");
}

TEST(EmailTextTest, JoinsFlowedLines) {
  EXPECT_EQ(texts_of(parse_email("Subject: x\nContent-Type: text/plain; format=flowed\n\none \ntwo"
                                 "\nthree\n")),
            (Texts{"x", "one two\nthree"}));
}

TEST(EmailTextTest, GuessesUndeclaredEncodings) {
  EXPECT_EQ(texts_of(parse_email("Subject: \xCF\xF0\xE8\xE2\xE5\xF2\n\n\xF0\xD2\xC9\xD7\xC5\xD4 "
                                 "\xD7\xD3\xC5\xCD\n")),
            (Texts{"Привет", "Привет всем"}));
}

std::string repeated(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

/// The message of an email that is too large.
std::string too_large(const std::string& bytes) {
  try {
    parse_email(bytes);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kTooLarge) return error.message().in(Language::kEnglish);
  }
  return "";
}

TEST(EmailTextTest, RefusesWhatFillsTheMemoryBeforeItIsParsed) {
  const std::string mixed = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n";
  EXPECT_EQ(too_large(mixed + repeated("--b\n\nx\n", 100'001)), "a.eml: has too many parts");
  const std::string fields = repeated("a:b\n", 500'001);
  EXPECT_EQ(too_large(fields), "a.eml: has too many fields in headers");
  EXPECT_EQ(too_large("Subject: x\nContent-Type: message/rfc822\n\n" + fields),
            "a.eml: has too many fields in headers");
  EXPECT_EQ(too_large("Subject: x\nTo: " + repeated("a,", 100'001)),
            "a.eml: has too many addresses");
  EXPECT_EQ(too_large("Subject: x\nTo: " + repeated("a:b;\n ", 501)),
            "a.eml: has too many groups of addresses");
  // What people send has many such lines, too.
  const std::string body = repeated("-- a comment\n--- a\nkey: value\nTo: a, b\n", 20'000);
  EXPECT_EQ(parse_email("Subject: x\n\n" + body).blocks.size(), 2u);
}

TEST(EmailTextTest, CountsTheLinesThatBeginPartsAndNoOthers) {
  const std::string comments = repeated("-- a comment\n", 100'001);
  EXPECT_EQ(parse_email("Subject: x\n\n" + comments).blocks.size(), 2u);
  const std::string mixed = "Subject: x\nContent-Type: multipart/mixed; ";
  EXPECT_EQ(
      parse_email(mixed + "boundary=\"b c\"\n\n--b c\n\n" + comments + "--b c--\n").blocks.size(),
      2u);
  for (const char* parameter :
       {"boundary=b1", "charset=x; BOUNDARY = \"b1\"", "\n\tboundary\n =\n b1", "boundary=\"\\b1\"",
        "boundary*0=b; boundary*1=1", "boundary=(of b)b1", "boundary=\"=?utf-8?q?b1?=\""}) {
    const std::string head = mixed + parameter + "\n\n";
    EXPECT_EQ(too_large(head + repeated("--b1\n\nx\n", 100'001)), "a.eml: has too many parts")
        << parameter;
  }
  std::string many = mixed + "boundary=a\n\n";
  for (int i = 0; i < 1'000; ++i) {
    many += "--a\nContent-Type: multipart/mixed; boundary=b" + std::to_string(i) + "z\n\n";
  }
  EXPECT_EQ(too_large(many + repeated("--b999z\n\nx\n", 100'001)), "a.eml: has too many parts");
}

TEST(EmailTextTest, ATitleIsALine) {
  const std::string title = parse_email("Subject: " + repeated("ё", 5'000) + "\n\nx").title;
  EXPECT_EQ(title, repeated("ё", 500));
}

TEST(EmailTextTest, BrokenEmailsDoNotCrash) {
  EXPECT_THROW(parse_email(""), Error);
  parse_email("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--");
  parse_email("Subject: x\nContent-Type: multipart/mixed\n\nno parts");
  parse_email("Subject: =?UTF-8?B?\n\n");
}

}  // namespace
}  // namespace oko::document
