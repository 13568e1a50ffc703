#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"
#include "document/page.h"

namespace oko::ocr {

struct PromptBlockOptions {
  Language language = Language::kEnglish;  ///< of the words around the lines
  std::size_t max_tokens = std::numeric_limits<std::size_t>::max();  ///< of the whole block
  float least_confidence = 0.5f;                                     ///< lines below are left out
  /// Tokens of a text, as the model reads it.
  std::function<std::size_t(std::string_view)> count_tokens;
};

/// The text of a picture for the model.
struct PromptBlock {
  std::string text;                ///< empty if no line is used
  std::vector<std::size_t> lines;  ///< of the page, those used, in reading order
  // Lines left out, in reading order.
  std::vector<std::size_t> unsure;   ///< below `least_confidence`
  std::vector<std::size_t> no_room;  ///< beyond `max_tokens`
};

/// True if a page has text for a model: sure words that are longer than the letter or two that
/// recognition sees in objects.
bool has_confident_text(const document::Page& page);

/// The lines of a page as a part of a prompt, so that the model need not guess small print. The
/// block says that they are data that may be wrong and ask for nothing. Each begins with "| ", so
/// that no line can pretend that the block has ended; runs of lines in one ninth of the picture
/// follow its name ("top left"). If not all fit, those with the largest confidence times area stay.
PromptBlock prompt_block(const document::Page& page, const PromptBlockOptions& options);

}  // namespace oko::ocr
