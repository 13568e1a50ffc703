#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "document/page.h"
#include "image/image.h"

namespace oko::ocr {

struct Options {
  /// Languages of the text, BCP 47, the likeliest first.
  std::vector<std::string> languages{"ru-RU", "en-US"};
  /// Repairs words that mix Latin and Cyrillic letters of one shape: see homoglyphs.h.
  bool repairs_homoglyphs = true;
  /// Words outside the languages: names, codes. Only Apple Vision uses them.
  std::vector<std::string> custom_words = {};
  /// Height of the smallest line that is read; a fraction of the picture's height, 0..1.
  float minimum_text_height = 0;
};

/// Reads the text of pictures, one at a time. Each thread needs its own engine.
class Engine {
 public:
  virtual ~Engine() = default;

  /// The lines of a picture in reading order; none if there is no text. The engine may free the
  /// picture when it has its own copy. Throws kCancelled soon after `stop` is requested, kFailed if
  /// the engine fails.
  virtual document::Page read(image::Image image, StopToken stop) = 0;
};

/// The name of this system's engine, with its version: "Tesseract 5.3.0".
std::string engine_name();

/// This system's engine. Throws kUsage: a language that it does not know; kFailed: the data of a
/// language is not installed (the hint names the package).
std::unique_ptr<Engine> make_engine(const Options& options);

}  // namespace oko::ocr
