#pragma once

namespace oko {

/// The repetitions of a test: `all`, or `few` in a build with sanitizers, which check each line no
/// matter how often it runs; other builds run all of them.
constexpr int repetitions(int all, int few) {
  return OKO_SANITIZED ? few : all;
}

}  // namespace oko
