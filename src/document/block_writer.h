#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "document/text_document.h"

namespace oko::document {

/// `text` as blocks have it: valid UTF-8; no control characters but \n and \t, no soft hyphens and
/// byte order marks; plain spaces for all others; no spaces at the ends of lines, no empty lines at
/// the ends. `collapses`: one space, tab or line break for several.
std::string clean_text(std::string_view text, bool collapses);

/// `text` as one line.
std::string clean_line(std::string_view text);

/// Appends blocks to a document within the limits.
class BlockWriter {
 public:
  BlockWriter(TextDocument& document, const TextLimits& limits, std::string name)
      : document_(document), limits_(limits), name_(std::move(name)) {}

  /// Appends a block unless its text is blank. Throws kTooLarge.
  void add(TextBlock::Kind kind, int level, std::string_view text);

  /// Throws kTooLarge if there is no room for `bytes` of text that is not yet a block.
  void require_room(std::uint64_t bytes) const;

  /// Counts markup that is unpacked. Throws kTooLarge.
  void count_unpacked(std::uint64_t bytes);

  /// Throws kTooLarge if `depth` is over the limit.
  void require_depth(int depth) const;

  const TextLimits& limits() const { return limits_; }
  const std::string& name() const { return name_; }  ///< of the file, for messages
  TextDocument& document() { return document_; }

 private:
  TextDocument& document_;
  TextLimits limits_;
  std::string name_;
  std::uint64_t text_bytes_ = 0;
  std::uint64_t unpacked_bytes_ = 0;
};

/// A date in the forms of ISO 8601: "2024-05-01", "2024-05-01T10:00:00+03:00"; nothing if it is
/// none. Without a zone it counts as UTC.
std::optional<std::chrono::sys_seconds> parse_iso_date(std::string_view text);

}  // namespace oko::document
