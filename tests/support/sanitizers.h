#pragma once

namespace oko {

/// How often a test repeats something: `all` times, or `few` where the build has sanitizers. They
/// look at each line however often it runs; other builds prove what all the repetitions prove.
constexpr int repetitions(int all, int few) {
  return OKO_SANITIZED ? few : all;
}

}  // namespace oko
