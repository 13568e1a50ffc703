#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/stop_token.h"
#include "budget/ledger.h"
#include "engine/model_host.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "ocr/page.h"

namespace oko::cli {

/// How the text of a picture is read for the model.
struct TextReading {
  ocr::Engine* engine = nullptr;  ///< null: it is not read
  bool only_where_fits = false;   ///< --ocr auto: not where there is no memory for it
  /// The budget that the model needs for a picture of such a width and height, in bytes.
  std::function<std::uint64_t(int, int)> least_budget = {};
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
  std::string options;  ///< of the command line, each of which is enough for the whole work
  ocr::Page page;       ///< what stands in it; without lines where it is not read
  std::string unread;   ///< why it is not read though it was to be
  budget::Lease lease;  ///< of `image`, and no more
  PictureStats stats;
};

/// Decodes a picture file and reads its text, each under a lease of the host's. Throws kBadInput,
/// kOverBudget, kCancelled.
Picture load_picture(engine::ModelHost& host, const std::string& file, const TextReading& reading,
                     const StopToken& stop);

}  // namespace oko::cli
