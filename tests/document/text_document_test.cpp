#include "document/text_document.h"

#include <gtest/gtest.h>

#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "document/text_encoding.h"
#include "document/zip_directory.h"
#include "tests/support/docx_file.h"
#include "tests/support/scratch_folder.h"

namespace oko::document {

void PrintTo(const TextBlock& block, std::ostream* out) {
  *out << static_cast<int>(block.kind) << ' ' << block.level << " \"" << block.text << '"';
}

namespace {

using Kind = TextBlock::Kind;
using Blocks = std::vector<TextBlock>;

TextDocument parse(std::string_view bytes, TextKind kind, const TextLimits& limits = {}) {
  return parse_text_document(bytes, kind, "a file", limits);
}

Blocks blocks_of(std::string_view bytes, TextKind kind) {
  return parse(bytes, kind).blocks;
}

ErrorCode code_of(std::string_view bytes, TextKind kind, const TextLimits& limits = {}) {
  try {
    parse(bytes, kind, limits);
  } catch (const Error& error) {
    EXPECT_FALSE(error.message().in(Language::kRussian).empty());
    EXPECT_NE(error.message().in(Language::kRussian), error.message().in(Language::kEnglish));
    return error.code();
  }
  ADD_FAILURE() << "no error was thrown";
  return ErrorCode::kFailed;
}

TextBlock paragraph(std::string text) {
  return {Kind::kParagraph, 0, std::move(text)};
}

TextBlock heading(int level, std::string text) {
  return {Kind::kHeading, level, std::move(text)};
}

TextBlock item(int level, std::string text) {
  return {Kind::kListItem, level, std::move(text)};
}

TextBlock row(std::string text) {
  return {Kind::kTableRow, 0, std::move(text)};
}

TextBlock code(std::string text) {
  return {Kind::kCode, 0, std::move(text)};
}

/// "Счёт за воду, улица Ленина" in one-byte encodings.
constexpr std::string_view kWindows1251 =
    "\xD1\xF7\xB8\xF2 \xE7\xE0 \xE2\xEE\xE4\xF3, \xF3\xEB\xE8\xF6\xE0 \xCB\xE5\xED\xE8\xED\xE0";
constexpr std::string_view kKoi8 =
    "\xF3\xDE\xA3\xD4 \xDA\xC1 \xD7\xCF\xC4\xD5, \xD5\xCC\xC9\xC3\xC1 \xEC\xC5\xCE\xC9\xCE\xC1";
constexpr std::string_view kIbm866 =
    "\x91\xE7\xF1\xE2 \xA7\xA0 \xA2\xAE\xA4\xE3, \xE3\xAB\xA8\xE6\xA0 \x8B\xA5\xAD\xA8\xAD\xA0";
constexpr std::string_view kBill = "Счёт за воду, улица Ленина";

TEST(TextEncodingTest, GuessesRussianEncodings) {
  EXPECT_EQ(decode_text(kWindows1251), kBill);
  EXPECT_EQ(decode_text(kKoi8), kBill);
  EXPECT_EQ(decode_text(kIbm866), kBill);
  // Capitals alone: "СЧЁТ ЗА ВОДУ" and "ДОГОВОР".
  EXPECT_EQ(decode_text("\xD1\xD7\xA8\xD2 \xC7\xC0 \xC2\xCE\xC4\xD3"), "СЧЁТ ЗА ВОДУ");
  EXPECT_EQ(decode_text("\xE4\xEF\xE7\xEF\xF7\xEF\xF2 \xE1\xF2\xE5\xEE\xE4\xF9"), "ДОГОВОР АРЕНДЫ");
  // One Russian word among English ones.
  EXPECT_EQ(decode_text("file \xEF\xF0\xE8\xE2\xE5\xF2.txt is there"), "file привет.txt is there");
}

TEST(TextEncodingTest, LatinLettersAreNoRussian) {
  EXPECT_EQ(decode_text("caf\xE9 na\xEFve r\xE9sum\xE9"), "café naïve résumé");
  EXPECT_EQ(decode_text("M\xFCnchen \x80 5"), "München € 5");
}

TEST(TextEncodingTest, ReadsUtf16AndByteOrderMarks) {
  EXPECT_EQ(decode_text(std::string_view("\xFF\xFE\x1F\x04\x34\x00", 6)), "П4");
  EXPECT_EQ(decode_text(std::string_view("\xFE\xFF\x04\x1F\x00\x34", 6)), "П4");
  EXPECT_EQ(decode_text(std::string_view("H\0i\0 \0y\0o\0u\0", 12)), "Hi you");
  EXPECT_EQ(decode_text("\xEF\xBB\xBFслово"), "слово");
}

TEST(TextEncodingTest, ValidUtf8BeatsADeclaration) {
  EXPECT_EQ(decode_text("слово", "windows-1251"), "слово");
  EXPECT_EQ(decode_text(kKoi8, "KOI8-R"), kBill);
  EXPECT_EQ(decode_text(kWindows1251, "x-cp1251"), kBill);
  EXPECT_EQ(decode_text(kWindows1251, "utf-8"), kBill);
  EXPECT_EQ(decode_text(kWindows1251, "no-such-charset"), kBill);
  EXPECT_EQ(decode_text("\x1B$B$\"\x1B(B", "iso-2022-jp"), "あ");
}

TEST(TextEncodingTest, ReplacesWhatCannotBeDecoded) {
  EXPECT_EQ(decode_text("a\xFF"
                        "b",
                        "utf-8"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(decode_text("\x82", "shift_jis"), "\xEF\xBF\xBD");
}

TEST(TextKindTest, TheContentComesFirst) {
  const auto kind = [](const char* name, std::string_view head) {
    return text_kind_of(name, head);
  };
  EXPECT_EQ(kind("a.txt", "words"), TextKind::kPlain);
  EXPECT_EQ(kind("README", "words"), TextKind::kPlain);
  EXPECT_EQ(kind("a.MD", "# words"), TextKind::kMarkdown);
  EXPECT_EQ(kind("a.md", "<h1 align=center>oko</h1>"), TextKind::kMarkdown);
  EXPECT_EQ(kind("a.txt", "\n<!-- saved --><!DOCTYPE html><p>"), TextKind::kHtml);
  EXPECT_EQ(kind("a.htm", "<p>words"), TextKind::kHtml);
  EXPECT_EQ(kind("a", "Received: by x\r\n\tfor y\r\nSubject: words\r\n"), TextKind::kEmail);
  EXPECT_EQ(kind("a.txt", "Note: words\nFrom: here"), TextKind::kPlain);
  EXPECT_EQ(kind("a.eml", "X-A: b"), TextKind::kEmail);
  EXPECT_EQ(kind("a.bin", docx_file("")), TextKind::kDocx);
  EXPECT_EQ(kind("a.docx", "\xD0\xCF\x11\xE0"), TextKind::kDocx);
  EXPECT_EQ(kind("a.docx", "PK\x03\x04"), TextKind::kDocx);
  EXPECT_EQ(kind("a.zip", "PK\x03\x04 other"), std::nullopt);
  EXPECT_EQ(kind("a.txt", "\x89PNG\r\n\x1A\n"), std::nullopt);
  EXPECT_EQ(kind("a.txt", "%PDF-1.7"), std::nullopt);
  EXPECT_EQ(kind("a.txt", std::string_view("a\0b", 3)), std::nullopt);
  EXPECT_EQ(kind("a.cpp", "int main"), std::nullopt);
}

TEST(PlainTextTest, EmptyLinesEndParagraphs) {
  EXPECT_EQ(blocks_of("One\r\nline  two \r\n\r\n \t\r\nThree\fFour\n", TextKind::kPlain),
            (Blocks{paragraph("One\nline two"), paragraph("Three"), paragraph("Four")}));
  EXPECT_EQ(blocks_of("", TextKind::kPlain), Blocks{});
  EXPECT_EQ(blocks_of("a\rb\r\rc", TextKind::kPlain), (Blocks{paragraph("a\nb"), paragraph("c")}));
}

TEST(PlainTextTest, CleansCharacters) {
  EXPECT_EQ(blocks_of("за\xC2\xADголовок\xC2\xA0и\x01\x1B[1m", TextKind::kPlain),
            Blocks{paragraph("заголовок и[1m")});
}

TEST(MarkdownTextTest, KeepsWordsAndDropsSyntax) {
  EXPECT_EQ(blocks_of("# The *first* one #\n\nSome **bold** and `co*de*` at\n[a link](http://x/y "
                      "\"t\") or ![a picture][p], snake_case 2 * 3.\n\n[p]: http://z\n",
                      TextKind::kMarkdown),
            (Blocks{heading(1, "The first one"),
                    paragraph("Some bold and co*de* at\na link or a picture, snake_case 2 * 3.")}));
  EXPECT_EQ(
      blocks_of("Тема\n====\nи ещё\n---\n&laquo;слово&raquo; &#1103; \\* <b>x</b><!-- нет "
                "--> <https://a.b/c>",
                TextKind::kMarkdown),
      (Blocks{heading(1, "Тема"), heading(2, "и ещё"), paragraph("«слово» я * x https://a.b/c")}));
}

TEST(MarkdownTextTest, ListsTablesAndCode) {
  EXPECT_EQ(blocks_of("- one\n  goes on\n  - [x] two\n- three\n\n1. four\n\nafter\n",
                      TextKind::kMarkdown),
            (Blocks{item(1, "one\ngoes on"), item(2, "two"), item(1, "three"), item(1, "four"),
                    paragraph("after")}));
  EXPECT_EQ(blocks_of("| a | *b* |\n|:--|--|\n| 1 \\| 2 | |\n| x | y\n\n> quoted\n> words",
                      TextKind::kMarkdown),
            (Blocks{row("a\tb"), row("1 | 2"), row("x\ty"), paragraph("quoted\nwords")}));
  EXPECT_EQ(blocks_of("```cpp\nint  *a;\n\n# b\n```\ntext\n\n    in_dented *c*\n\n> ```\n> d\n> "
                      "```\n> e\n",
                      TextKind::kMarkdown),
            (Blocks{code("int  *a;\n\n# b"), paragraph("text"), code("    in_dented *c*"),
                    code("d"), paragraph("e")}));
  EXPECT_EQ(blocks_of("a\n<!-- b\n\n# c -->\nd", TextKind::kMarkdown),
            (Blocks{paragraph("a"), paragraph("d")}));
}

TEST(MarkdownTextTest, FrontMatterGivesTitleDateAndTags) {
  const TextDocument document = parse(
      "---\ntitle: \"Счета\"\ndate: 2024-05-01T12:00:00+03:00\nlang: ru\ntags:\n  - вода\n  - "
      "свет\ndraft: true\n---\n# Первый\n",
      TextKind::kMarkdown);
  EXPECT_EQ(document.title, "Счета");
  EXPECT_EQ(document.language, "ru");
  EXPECT_EQ(document.date, std::chrono::sys_seconds(std::chrono::seconds(1714554000)));
  EXPECT_EQ(document.blocks, (Blocks{paragraph("- вода\n- свет"), heading(1, "Первый")}));
  EXPECT_EQ(parse("# Первый\n", TextKind::kMarkdown).title, "Первый");
}

TEST(HtmlTextTest, ReadsWhatAReaderSees) {
  const TextDocument document = parse(
      "<!DOCTYPE html><html lang=ru><head><title>Счёт &amp; чек</title><meta name=date "
      "content='2024-05-01'><style>p{}</style></head><body><nav>меню</nav><h2>Глава</h2><p>Первый "
      "<b>аб</b>зац&nbsp;&laquo;один&raquo;<br>строка<script>x()</script><p hidden>нет<p "
      "style='display: none'>нет</p><div>два<div>три</div>четыре</div><ul><li>а<ul><li>б</ul><li>в"
      "</ul><pre> x\n  y</pre><img alt='рисунок'><noscript>нет</noscript></body></html>",
      TextKind::kHtml);
  EXPECT_EQ(document.title, "Счёт & чек");
  EXPECT_EQ(document.language, "ru");
  EXPECT_EQ(document.date, std::chrono::sys_seconds(std::chrono::seconds(1714521600)));
  EXPECT_EQ(document.blocks,
            (Blocks{heading(2, "Глава"), paragraph("Первый абзац «один»\nстрока"), paragraph("два"),
                    paragraph("три"), paragraph("четыре"), item(1, "а"), item(2, "б"), item(1, "в"),
                    code(" x\n  y"), paragraph("рисунок")}));
}

TEST(HtmlTextTest, AnyBytesAreAPage) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<div><b>";
  EXPECT_EQ(blocks_of(deep + "дно</div>верх", TextKind::kHtml),
            (Blocks{paragraph("дно"), paragraph("верх")}));
  EXPECT_EQ(blocks_of("a < b <3 &copy &nosuch; &#1103; &#x44f &#150; <a title='x>y' href=z>c</a",
                      TextKind::kHtml),
            Blocks{paragraph("a < b <3 © &nosuch; я я – c")});
  EXPECT_EQ(blocks_of("<script>if (a</b) '</scripts>'</SCRIPT >x<!-->y<!-- > -->z<?php echo ?>w",
                      TextKind::kHtml),
            Blocks{paragraph("xyzw")});
  EXPECT_EQ(blocks_of("<p>a<svg><path d='M'/><path/></svg>b<div hidden><p>c<br/></div>d",
                      TextKind::kHtml),
            (Blocks{paragraph("ab"), paragraph("d")}));
  EXPECT_EQ(blocks_of("<div><span hidden>a</div>b", TextKind::kHtml), Blocks{paragraph("b")});
}

TEST(HtmlTextTest, TablesAreRows) {
  EXPECT_EQ(blocks_of("<table><tr><th>Товар<th>Цена<tr><td><p>Вода</p><p>чистая</p><td>5</table>"
                      "<table><tr><td>одна</td></tr></table>",
                      TextKind::kHtml),
            (Blocks{row("Товар\tЦена"), row("Вода\nчистая\t5"), paragraph("одна")}));
}

TEST(HtmlTextTest, ReadsDeclaredAndGuessedEncodings) {
  const std::string koi8(kKoi8), windows(kWindows1251);
  for (const std::string& page :
       {"<meta charset=koi8-r><p>" + koi8,
        "<meta http-equiv='Content-Type' content='text/html; charset=windows-1251'><p>" + windows,
        "<?xml version='1.0' encoding='windows-1251'?><html><p>" + windows, "<p>" + windows,
        "<p>" + koi8, "<meta charset=windows-1251><p>" + std::string(kBill)}) {
    EXPECT_EQ(blocks_of(page, TextKind::kHtml), Blocks{paragraph(std::string(kBill))}) << page;
  }
}

constexpr const char* kStyles =
    "<w:styles xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:style "
    "w:styleId=\"1\"><w:name w:val=\"heading 1\"/></w:style><w:style w:styleId=\"my\"><w:basedOn "
    "w:val=\"1\"/></w:style></w:styles>";
constexpr const char* kProperties =
    "<c xmlns:dc=\"d\" xmlns:t=\"t\"><dc:title>Договор</dc:title><t:created>2020-01-01T00:00:00Z"
    "</t:created><t:modified>2024-05-01T00:00:00Z</t:modified></c>";

std::string run(const std::string& text) {
  return "<w:r><w:t xml:space=\"preserve\">" + text + "</w:t></w:r>";
}

std::string docx_paragraph(const std::string& content) {
  return "<w:p>" + content + "</w:p>";
}

TEST(DocxTextTest, ReadsParagraphsHeadingsListsAndTables) {
  const std::string body =
      docx_paragraph("<w:pPr><w:pStyle w:val=\"1\"/></w:pPr>" + run("Гла") + run("ва")) +
      docx_paragraph("<w:pPr><w:pStyle w:val=\"my\"/></w:pPr>" + run("Вторая")) +
      docx_paragraph(run("до ") + "<w:del>" + run("нет") + "</w:del><w:ins>" + run("после") +
                     "</w:ins><w:r><w:tab/><w:t>x</w:t><w:br/><w:t>y</w:t></w:r><w:r><w:rPr>"
                     "<w:vanish/></w:rPr><w:t>скрыто</w:t></w:r>" +
                     run("!")) +
      docx_paragraph("<w:pPr><w:numPr><w:ilvl w:val=\"1\"/></w:numPr></w:pPr>" + run("пункт")) +
      "<w:tbl><w:tr><w:tc>" + docx_paragraph(run("a")) + docx_paragraph(run("b")) +
      "</w:tc><w:tc>" + docx_paragraph(run("c")) + "</w:tc></w:tr></w:tbl>" +
      docx_paragraph(run("вне") + "<mc:AlternateContent><mc:Choice>" +
                     docx_paragraph(run("врезка")) + "</mc:Choice><mc:Fallback>" +
                     docx_paragraph(run("врезка")) + "</mc:Fallback></mc:AlternateContent>");
  const TextDocument document =
      parse(docx_file(body, {{"word/styles.xml", kStyles},
                             {"docProps/core.xml", kProperties},
                             {"word/footnotes.xml", docx_body(docx_paragraph(run("сноска")))},
                             {"word/header1.xml", docx_body(docx_paragraph(run("шапка")))},
                             {"word/header2.xml", docx_body(docx_paragraph(run("шапка")))},
                             {"word/media/image1.png", "x"}}),
            TextKind::kDocx);
  EXPECT_EQ(document.title, "Договор");
  EXPECT_EQ(document.date, std::chrono::sys_seconds(std::chrono::seconds(1714521600)));
  EXPECT_EQ(document.blocks,
            (Blocks{heading(1, "Глава"), heading(1, "Вторая"), paragraph("до после\tx\ny!"),
                    item(2, "пункт"), row("a\nb\tc"), paragraph("врезка"), paragraph("вне"),
                    paragraph("сноска"), paragraph("шапка")}));
  ASSERT_EQ(document.notes.size(), 1u);
  EXPECT_EQ(document.notes[0].in(Language::kRussian), "картинки в нём не прочитаны: 1");
}

TEST(DocxTextTest, RefusesDamagedFiles) {
  const std::string good = docx_file(docx_paragraph(run("слово")));
  EXPECT_EQ(code_of("", TextKind::kDocx), ErrorCode::kBadInput);
  EXPECT_EQ(code_of(good.substr(0, good.size() / 2), TextKind::kDocx), ErrorCode::kBadInput);
  EXPECT_EQ(code_of(zip_file({{"a", "b"}}), TextKind::kDocx), ErrorCode::kBadInput);
  EXPECT_EQ(code_of(docx_file("<w:p>"), TextKind::kDocx), ErrorCode::kBadInput);
  EXPECT_EQ(code_of("\xD0\xCF\x11\xE0", TextKind::kDocx), ErrorCode::kUnsupported);
  std::string broken = good;
  broken[broken.find("document.xml") + 20] ^= 0x55;  // in the packed bytes
  EXPECT_EQ(code_of(broken, TextKind::kDocx), ErrorCode::kBadInput);
}

TEST(DocxTextTest, ExpandsNoEntities) {
  const std::string bomb =
      "<!DOCTYPE w [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>" +
      docx_body(docx_paragraph(run("&b;"))).substr(56);
  EXPECT_EQ(code_of(zip_file({{"word/document.xml", bomb}}), TextKind::kDocx),
            ErrorCode::kBadInput);
}

TEST(TextLimitsTest, StopsAtEachLimit) {
  const std::string many(100'000, 'a');
  std::string deep_docx, deep_mail = "Subject: x\n";
  for (int i = 0; i < 240; ++i) deep_docx += "<w:p>";
  for (int i = 0; i < 240; ++i) deep_docx += "</w:p>";
  for (int i = 0; i < 300; ++i) {
    const std::string boundary = "b" + std::to_string(i);
    deep_mail += "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n";
  }
  deep_mail += "\nend\n";
  EXPECT_EQ(code_of(many, TextKind::kPlain, {.max_text_bytes = 1000}), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("<p>" + many, TextKind::kHtml, {.max_text_bytes = 1000}), ErrorCode::kTooLarge);
  EXPECT_EQ(
      code_of(docx_file(docx_paragraph(run(many))), TextKind::kDocx, {.max_text_bytes = 1000}),
      ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(docx_file(many), TextKind::kDocx, {.max_unpacked_bytes = 50'000}),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(docx_file("", {{"a", ""}, {"b", ""}}), TextKind::kDocx, {.max_parts = 2}),
            ErrorCode::kTooLarge);
  std::string attributes = "<w:p";
  for (int i = 0; i < 3000; ++i) attributes += " a" + std::to_string(i) + "='1'";
  EXPECT_EQ(code_of(docx_file(attributes + "/>"), TextKind::kDocx), ErrorCode::kTooLarge);
  std::string groups = "To: ";
  for (int i = 0; i < 300; ++i) groups += "a:\n b:";
  EXPECT_EQ(code_of(groups, TextKind::kEmail), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of("a\n\nb\n\nc", TextKind::kPlain, {.max_blocks = 2}), ErrorCode::kTooLarge);
  try {
    parse("a\n\nb\n\nc", TextKind::kPlain, {.max_blocks = 2});
  } catch (const Error& error) {  // a part is one of an email or a DOCX file
    EXPECT_NE(error.message().in(Language::kEnglish).find("has more than 2 blocks"),
              std::string::npos);
    EXPECT_NE(error.message().in(Language::kRussian).find("больше 2 блоков"), std::string::npos);
  }
  EXPECT_EQ(code_of(docx_file(deep_docx), TextKind::kDocx), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(deep_mail, TextKind::kEmail), ErrorCode::kTooLarge);
}

using TextFileTest = ScratchFolderTest;

TEST_F(TextFileTest, TakesNoMoreTextThanTheDirectoryOfADocxSays) {
  const std::string letters(20'000, 'a');
  std::string bytes = docx_file(docx_paragraph(run(letters)), {{"word/b.xml", "b"}});
  const auto read = [&] {
    std::ofstream(folder_ / "a.docx", std::ios::binary) << bytes;
    return read_text_document(folder_ / "a.docx", TextKind::kDocx).text();
  };
  EXPECT_EQ(read(), letters);
  const InputFile file(folder_ / "a.docx", ErrorCode::kBadInput);
  EXPECT_EQ(unpacked_bytes(file), docx_body(docx_paragraph(run(letters))).size() + 1);
  bytes.replace(bytes.size() - 2, 2, "\x2C\x01");
  bytes += std::string(300, 'c');  // a comment
  EXPECT_EQ(read(), letters);
  bytes.replace(bytes.find("PK\x01\x02") + 24, 4, std::string("\xD0\x07\0\0", 4));  // 2000
  EXPECT_EQ(message_of(read, ErrorCode::kTooLarge),
            (folder_ / "a.docx").string() + ": its text is over the limit of 3 kB");
}

TEST_F(TextFileTest, ReadsFilesAndRefusesStandIns) {
  const auto path = folder_ / "a.md";
  std::ofstream(path) << "# Заголовок";
  EXPECT_EQ(read_text_document(path, TextKind::kMarkdown).title, "Заголовок");
  EXPECT_EQ(
      message_of([&] { read_text_document(path, TextKind::kMarkdown, {.max_file_bytes = 5}); },
                 ErrorCode::kTooLarge),
      path.string() + ": 20 B is more than the limit of 5 B");
  std::ofstream(path) << "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  message_of([&] { read_text_document(path, TextKind::kMarkdown); }, ErrorCode::kBadInput);
  message_of([&] { read_text_document(folder_ / "b.md", TextKind::kMarkdown); },
             ErrorCode::kNotFound);
  std::ofstream(path) << "<!DOCTYPE html><p>a</p>";
  EXPECT_EQ(read_text_document(path, TextKind::kHtml).text(), "a");
}

TEST(TextDocumentTest, JoinsBlocks) {
  const TextDocument document = parse("# a\n\n- b\n- c\n\nd\n\ne", TextKind::kMarkdown);
  EXPECT_EQ(document.text(), "a\n\nb\nc\n\nd\n\ne");
}

}  // namespace
}  // namespace oko::document
