#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace oko::engine {

/// Passes text on until one of the stop strings appears in it. Holds text back while it could be
/// the beginning of a stop string.
class StopStrings {
 public:
  explicit StopStrings(std::vector<std::string> stops);

  /// The text that may be shown now; nothing after a stop string has matched.
  std::string push(const std::string& text);
  /// The text that was held back, at the end.
  std::string flush();
  bool matched() const { return matched_; }
  /// The stop string that matched; empty: none.
  const std::string& match() const { return match_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  std::string match_;
  bool matched_ = false;
};

/// Detects a text that loops: its end repeats a run of up to 64 tokens at least 6 times, 48 tokens
/// in all.
class LoopDetector {
 public:
  /// Adds a token; returns true if the text loops.
  bool push(std::int32_t id);

 private:
  static constexpr std::size_t kMaxPeriod = 64;
  static constexpr std::size_t kMinRepeats = 6;
  static constexpr std::size_t kMinTokens = 48;

  std::vector<std::int32_t> ids_;
  /// Matches at each period.
  std::vector<std::size_t> run_ = std::vector<std::size_t>(kMaxPeriod + 1);
};

}  // namespace oko::engine
