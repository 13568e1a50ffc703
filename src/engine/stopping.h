#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oko::engine {

/// Lets text through until one of the stop strings appears in it. Text that could be the beginning
/// of a stop string is held back until it is known not to be.
class StopStrings {
 public:
  explicit StopStrings(std::vector<std::string> stops);

  /// Text that may be shown now. After a stop string has matched, nothing more.
  std::string push(const std::string& text);
  /// The text that was held back, at the end.
  std::string flush();
  bool matched() const { return matched_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool matched_ = false;
};

/// Notices a text that has fallen into a loop: its end is one run of up to 64 tokens, again and
/// again, at least 6 times and 48 tokens in all.
class LoopDetector {
 public:
  /// Adds a token; true if the text has looped.
  bool push(std::int32_t id);

 private:
  static constexpr std::size_t kMaxPeriod = 64;
  static constexpr std::size_t kMinRepeats = 6;
  static constexpr std::size_t kMinTokens = 48;

  std::vector<std::int32_t> ids_;
  std::vector<std::size_t> run_ =
      std::vector<std::size_t>(kMaxPeriod + 1);  ///< matches at each period
};

}  // namespace oko::engine
