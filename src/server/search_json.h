#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "server/request_json.h"
#include "tasks/search_library.h"

namespace oko::server {

/// What a measure says of a hit.
struct Measure {
  const char* name;
  std::optional<float> score;
  float part = 0;  ///< of the total
};

/// Those that were computed.
std::vector<Measure> measures_of(const index::HitScores& scores);

/// A hit as `oko search --json` prints it. "marks" are bytes of "snippet"; "box" is in pixels of
/// the upright page. `explain`: with "scores", and "parts" of the total.
Json passage_json(std::size_t rank, const tasks::FoundPassage& found, bool explain);

}  // namespace oko::server
