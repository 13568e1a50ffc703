#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/language.h"
#include "base/stop_token.h"
#include "budget/ledger.h"
#include "engine/model_host.h"
#include "image/image.h"
#include "ocr/engine.h"

namespace oko::cli {

/// How the text of a picture is read for the model.
struct TextReading {
  ocr::Engine* engine = nullptr;  ///< null: it is not read
  bool only_where_sure = false;   ///< --ocr auto: nothing, unless recognition is sure of some
  Language language = Language::kEnglish;  ///< of the words around it
  std::function<std::size_t(std::string_view)> count_tokens = {};
};

/// Time in seconds, memory in bytes: what decoding and reading took at most, and what was foretold.
struct PictureStats {
  double decode_seconds = 0;
  double read_seconds = 0;
  budget::TagBytes predicted;  ///< kImage, kOcr
  budget::TagBytes taken;      ///< likewise
};

/// A picture on its way to the model.
struct Picture {
  image::Image image;
  std::string text_block;          ///< its text, for the prompt; empty: none
  std::vector<std::string> lines;  ///< those of the block
  budget::Lease lease;             ///< of `image`, and no more
  PictureStats stats;
};

/// Decodes a picture file and reads its text, each under a lease of the host's. With
/// `only_where_sure` text that there is no memory for is not read either: `note` is told. Throws
/// kBadInput, kOverBudget, kCancelled.
Picture load_picture(engine::ModelHost& host, const std::string& file, const TextReading& reading,
                     const std::function<void(const std::string&)>& note, StopToken stop);

}  // namespace oko::cli
