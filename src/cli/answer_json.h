#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/generation.h"
#include "tasks/picture.h"
#include "tasks/picture_text.h"

namespace oko::cli {

/// The reductions of an answer.
nlohmann::ordered_json reductions_json(const std::vector<engine::Reduction>& reductions);

/// Times in seconds, memory in bytes; `picture`: of the pictures that came with the question.
nlohmann::ordered_json stats_json(const engine::GenerationStats& stats,
                                  const tasks::PictureStats& picture);

/// Puts the lines that the model got into `object["ocr_lines"]`, and left out lines, if any, into
/// `object["ocr_left_out"]`.
void add_text(const tasks::PictureText& text, nlohmann::ordered_json& object);

}  // namespace oko::cli
