#include "document/text_document.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "document/block_writer.h"
#include "document/docx_text.h"
#include "document/email_text.h"
#include "document/html_text.h"
#include "document/markdown_text.h"
#include "document/pdf.h"
#include "document/plain_text.h"
#include "document/text_encoding.h"
#include "document/zip_directory.h"
#include "image/sniff.h"

namespace oko::document {
namespace {

constexpr std::string_view kZip = "PK\x03\x04";
constexpr std::string_view kOleFile = "\xD0\xCF\x11\xE0";

/// Endings of names of plain text; an empty one counts, too.
constexpr std::array<std::string_view, 14> kPlainEndings{
    "",     ".txt", ".text", ".log", ".rst", ".adoc", ".asciidoc",
    ".org", ".tex", ".csv",  ".tsv", ".srt", ".vtt",  ".nfo"};
constexpr std::array<std::string_view, 4> kMarkdownEndings{".md", ".markdown", ".mkd", ".mdown"};
constexpr std::array<std::string_view, 4> kHtmlEndings{".html", ".htm", ".xhtml", ".shtml"};
constexpr std::array<std::string_view, 4> kDocxEndings{".docx", ".docm", ".dotx", ".dotm"};

template <std::size_t n>
bool is_one_of(std::string_view ending, const std::array<std::string_view, n>& endings) {
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

/// False for binary files. Text in UTF-16 needs a byte order mark.
bool looks_like_text(std::string_view head) {
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) return true;
  return std::none_of(head.begin(), head.end(), [](char c) {
    const auto value = static_cast<unsigned char>(c);
    return value < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\x1B' &&
           c != '\b';
  });
}

/// True for the begin of an HTML file, after comments and the declaration of XML.
bool begins_html(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  for (;;) {
    head = trimmed(head);
    const bool is_comment = head.starts_with("<!--");
    if (!is_comment && !head.starts_with("<?xml")) break;
    const std::string_view end = is_comment ? "-->" : "?>";
    const std::size_t at = head.find(end);
    if (at == std::string_view::npos) return false;
    head.remove_prefix(at + end.size());
  }
  constexpr std::size_t kLongest = 14;
  const std::string begin = lower_case(head.substr(0, kLongest));
  return begin.starts_with("<!doctype html") || begin.starts_with("<html");
}

/// True if the first lines are header fields of an email (RFC 5322), two of them known.
bool begins_email(std::string_view head) {
  static constexpr std::array<std::string_view, 14> kFields{
      "from",         "to",          "subject",     "date",          "message-id",
      "received",     "return-path", "reply-to",    "mime-version",  "delivered-to",
      "content-type", "cc",          "in-reply-to", "dkim-signature"};
  int known = 0;
  while (!head.empty() && known < 2) {
    const std::size_t end = head.find('\n');
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
    if (line.starts_with(' ') || line.starts_with('\t')) continue;  // of the field before
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    const std::string name = lower_case(line.substr(0, colon));
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos) {
      return false;
    }
    if (is_one_of(name, kFields)) ++known;
  }
  return known == 2;
}

bool is_tight(TextBlock::Kind kind) {
  return kind == TextBlock::Kind::kListItem || kind == TextBlock::Kind::kTableRow;
}

/// All bytes of a file, which may be empty.
std::string bytes_of(const InputFile& file, TextKind kind, const TextLimits& limits) {
  const std::string name = file.path().string();
  if (file.size() > limits.max_file_bytes) {
    const SizePair sizes(file.size(), limits.max_file_bytes);
    throw Error(ErrorCode::kTooLarge,
                tr("{}: {} is more than the limit of {}", "{}: {} — больше предела в {}", name,
                   sizes.first, sizes.second));
  }
  std::string bytes = file.part(0, file.size());
  file.require_unchanged();
  if (bytes.size() != file.size()) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: cannot be read to its end", "{}: не читается до конца", name));
  }
  if (kind != TextKind::kHtml) refuse_stand_in(bytes, file.path(), ErrorCode::kBadInput);
  return bytes;
}

}  // namespace

void start_text_readers() {
  start_email_reader();
  start_text_decoding();
}

const char* name_of(TextKind kind) {
  switch (kind) {
    case TextKind::kPlain:
      return "text";
    case TextKind::kMarkdown:
      return "markdown";
    case TextKind::kHtml:
      return "html";
    case TextKind::kDocx:
      return "docx";
    case TextKind::kEmail:
      return "email";
  }
  return "text";
}

std::string TextDocument::text() const {
  std::string all;
  const TextBlock* before = nullptr;
  for (const TextBlock& block : blocks) {
    if (before != nullptr) {
      all += is_tight(block.kind) && before->kind == block.kind ? "\n" : "\n\n";
    }
    all += block.text;
    before = &block;
  }
  return all;
}

std::optional<TextKind> text_kind_of(const std::filesystem::path& path, std::string_view head) {
  const std::string ending = lower_case(path.extension().string());
  if (is_one_of(ending, kDocxEndings)) {
    if (head.starts_with(kZip) || head.starts_with(kOleFile)) return TextKind::kDocx;
  } else if (head.starts_with(kZip) && head.find("word/") != std::string_view::npos) {
    return TextKind::kDocx;
  }
  head = head.substr(0, kTextHeadBytes);
  if (image::sniff(std::as_bytes(std::span(head))) || !looks_like_text(head)) return {};
  if (begins_html(head)) return TextKind::kHtml;
  if (ending == ".eml" || (ending != ".md" && begins_email(head))) return TextKind::kEmail;
  if (is_pdf(head)) return {};
  if (is_one_of(ending, kHtmlEndings)) return TextKind::kHtml;
  if (is_one_of(ending, kMarkdownEndings)) return TextKind::kMarkdown;
  if (is_one_of(ending, kDocxEndings)) return TextKind::kDocx;  // a damaged one
  if (is_one_of(ending, kPlainEndings)) return TextKind::kPlain;
  return {};
}

TextDocument parse_text_document(std::string_view bytes, TextKind kind, const std::string& name,
                                 const TextLimits& limits) {
  TextDocument document;
  BlockWriter writer(document, limits, name);
  switch (kind) {
    case TextKind::kPlain:
      read_plain_text(bytes, writer);
      break;
    case TextKind::kMarkdown:
      read_markdown_text(bytes, writer);
      break;
    case TextKind::kHtml:
      read_html_text(bytes, {}, writer);
      break;
    case TextKind::kDocx:
      read_docx_text(bytes, writer);
      break;
    case TextKind::kEmail:
      read_email_text(bytes, writer);
      break;
  }
  constexpr std::size_t kLongestTitle = 1000, kLongestLanguage = 100;  // bytes
  document.title = clean_line(document.title);
  if (document.title.size() > kLongestTitle)
    document.title = excerpt(document.title, kLongestTitle);
  if (document.language.size() > kLongestLanguage) document.language.clear();
  return document;
}

TextDocument read_text_document(const InputFile& file, TextKind kind, const TextLimits& limits) {
  TextLimits own = limits;
  if (kind == TextKind::kDocx) {  // memory is reserved for what the directory says
    const std::uint64_t unpacked = std::min(unpacked_bytes(file), limits.max_text_bytes);
    const std::uint64_t in_utf8 = unpacked + unpacked / 2;  // parts may be in UTF-16
    own.max_text_bytes = std::min(limits.max_text_bytes, in_utf8);
  }
  return parse_text_document(bytes_of(file, kind, limits), kind, file.path().string(), own);
}

TextDocument read_text_document(const std::filesystem::path& path, TextKind kind,
                                const TextLimits& limits) {
  return read_text_document(InputFile(path, ErrorCode::kBadInput), kind, limits);
}

}  // namespace oko::document
