#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"
#include "document/page.h"
#include "engine/generator.h"
#include "tasks/picture.h"

namespace oko::tasks {

struct PictureTextOptions {
  bool only_where_sure = false;                ///< no text unless a word is sure
  Language language = Language::kEnglish;      ///< of the words around the lines
  std::optional<std::size_t> max_tokens = {};  ///< the user's limit
  engine::TextRoom room = {};                  ///< of the request
  std::function<std::size_t(std::string_view)> count_tokens = {};
};

/// A line that the model does not get.
struct LeftOutLine {
  std::string text;
  float confidence = 0;
  const char* reason = "";  ///< "unsure", "ocr_tokens", "memory_budget", "context"
};

/// The text of a picture for the model, and the lines that it does not get.
struct PictureText {
  std::string block = {};               ///< for the prompt; empty: none
  std::vector<std::string> lines = {};  ///< texts of the lines in it
  std::vector<LeftOutLine> left_out = {};
  /// For the user: lines left out of a text that is used, and the reason.
  std::vector<LocalizedText> notes = {};
};

PictureText picture_text(const document::Page& page, const PictureTextOptions& options);

/// How a request takes the text of its pictures.
struct TextTaking {
  ReadText when = ReadText::kWhereItFits;
  Language language = Language::kEnglish;      ///< of the words around the lines
  std::optional<std::size_t> max_tokens = {};  ///< the user's limit
};

/// The same, with the room that is left in `request`, which has the picture but not its text.
PictureText picture_text(const document::Page& page, const TextTaking& taking,
                         const engine::Generator& generator,
                         const engine::GenerationRequest& request);

}  // namespace oko::tasks
