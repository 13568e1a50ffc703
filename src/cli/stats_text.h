#pragma once

#include <string>

#include "engine/embedder.h"
#include "engine/generation.h"
#include "tasks/embed_texts.h"
#include "tasks/picture.h"

namespace oko::cli {

/// The note about an answer of as many tokens as --max-tokens allows.
std::string cut_off_text(int tokens);

// Statistics for people: lines of at most 100 columns, each with a line break.

/// Of a picture that was described.
std::string describe_stats_text(const engine::GenerationStats& stats,
                                const tasks::PictureStats& picture);

/// Of an answer of a chat. Its pictures were read before the question was asked.
std::string chat_stats_text(const engine::GenerationStats& stats,
                            const tasks::PictureStats& picture);

std::string embed_stats_text(const tasks::EmbedTextsStats& stats);

}  // namespace oko::cli
