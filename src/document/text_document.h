#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/input_file.h"
#include "base/localized_text.h"

namespace oko::document {

/// Files that are text, not pages.
enum class TextKind { kPlain, kMarkdown, kHtml, kDocx, kEmail };

/// "text", "markdown", "html", "docx", "email": the name of a kind in JSON.
const char* name_of(TextKind kind);

/// A piece of text that belongs together.
struct TextBlock {
  enum class Kind { kParagraph, kHeading, kListItem, kTableRow, kCode };
  Kind kind = Kind::kParagraph;
  int level = 0;  ///< of a heading 1..6, of a list item its depth from 1; else 0
  /// UTF-8 without control characters except \n and \t, not empty. Cells of a row have \t between
  /// them, paragraphs of a cell \n.
  std::string text;
  bool operator==(const TextBlock&) const = default;
};

/// The text of a file that has no pages.
struct TextDocument {
  std::string title;     ///< at most 1000 bytes; empty: the file does not say
  std::string language;  ///< BCP 47 as the file says ("ru", "en-US"); empty: it does not
  std::optional<std::chrono::sys_seconds> date = {};  ///< as the content says, UTC
  std::vector<TextBlock> blocks;                      ///< in reading order
  /// Notes for the user: what was left out.
  std::vector<LocalizedText> notes;

  /// The blocks, an empty line between them, but only a line break between rows of a table and
  /// between items of a list.
  std::string text() const;
};

/// Limits of one file. Exceeded, they throw kTooLarge.
struct TextLimits {
  std::uint64_t max_file_bytes = 256'000'000;
  /// All that is unpacked of a DOCX file; it counts the markup, too.
  std::uint64_t max_unpacked_bytes = 512'000'000;
  std::uint64_t max_text_bytes = 128'000'000;  ///< of the blocks
  std::size_t max_blocks = 4'000'000;
  int max_depth = 200;     ///< elements, or parts of an email, in each other
  int max_parts = 10'000;  ///< of a DOCX file or an email
};

/// The kind of a file by its first bytes (1024 are sufficient), then by its name; nothing if it is
/// not such a file. Markdown and plain text differ by the name alone. Text with an unknown ending
/// of its name, such as source code, is no document; text without an ending is plain text.
std::optional<TextKind> text_kind_of(const std::filesystem::path& path, std::string_view head);

/// Bytes for `text_kind_of`.
inline constexpr std::size_t kTextHeadBytes = 1024;

/// Loads what reading text would load later, for a process that may open no files from then on.
void start_text_readers();

/// The text of a file. Throws kBadInput if it is damaged or no such file, kUnsupported if it is
/// encrypted, kTooLarge; also as InputFile does.
TextDocument read_text_document(const InputFile& file, TextKind kind,
                                const TextLimits& limits = {});
TextDocument read_text_document(const std::filesystem::path& path, TextKind kind,
                                const TextLimits& limits = {});

/// The same of bytes; `name` stands for the file in messages.
TextDocument parse_text_document(std::string_view bytes, TextKind kind, const std::string& name,
                                 const TextLimits& limits = {});

}  // namespace oko::document
