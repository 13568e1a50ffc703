#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/language.h"
#include "engine/generator.h"
#include "ocr/page.h"

namespace oko::cli {

struct PictureTextOptions {
  bool only_where_sure = false;                ///< --ocr auto: nothing, unless a word is sure
  Language language = Language::kEnglish;      ///< of the words around the lines
  std::optional<std::size_t> max_tokens = {};  ///< --ocr-tokens
  engine::TextRoom room = {};                  ///< that the request has
  std::function<std::size_t(std::string_view)> count_tokens = {};
};

/// The text of a picture as the model is told of it, and what it is not told.
struct PictureText {
  std::string block = {};                ///< for the prompt; empty: none
  nlohmann::ordered_json lines = {};     ///< texts of the lines in it
  nlohmann::ordered_json left_out = {};  ///< objects {text, confidence, reason} of the other lines
  std::vector<std::string> notes =
      {};  ///< for the user: what is left out of a text that is used, why
};

PictureText picture_text(const ocr::Page& page, const PictureTextOptions& options);

}  // namespace oko::cli
