#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// A Vision framework whose answers a test writes, and which records its requests.
namespace oko::stub_vision {

/// A box in fractions of the picture, the origin bottom left, as Vision's.
struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
};

struct Observation {
  std::string text = {};
  Rect box = {};
  float confidence = 1;
  /// Boxes of the parts of the text, requested in UTF-16 units; nothing: Vision fails with a
  /// reason.
  std::function<std::optional<Rect>(std::size_t location, std::size_t length)> part = {};
};

struct Failure {
  std::string domain;
  long code = 0;
  std::string text;
};

struct Answers {
  std::vector<std::string> languages{"en-US", "ru-RU", "uk-UA"};
  std::vector<Observation> observations = {};
  std::optional<Failure> failure = {};       ///< of performRequests
  std::optional<Failure> no_languages = {};  ///< of the request for languages
  std::string exception = {};  ///< reason of the NSException that performRequests raises
  std::function<void()> while_performing = {};
};

struct Asked {
  std::vector<std::string> languages, custom_words;
  unsigned long revision = 0;
  long level = -1;
  bool corrects = false, detects = true, cancelled = false;
  float minimum_text_height = -1;
  unsigned orientation = 0;
  std::size_t width = 0, height = 0, bytes_per_row = 0;
  std::vector<unsigned char> pixels;
};

/// Sets the answer from now on.
void answer(Answers answers);

/// The requests of the last performRequests.
const Asked& asked();

/// The number of living objects of Vision and Core Graphics.
long living_objects();

}  // namespace oko::stub_vision
