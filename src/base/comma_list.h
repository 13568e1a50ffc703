#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oko {

/// The parts of "a,b": of more than `most` the first most + 1, however long the text is.
inline std::vector<std::string> parts_at_commas(std::string_view text, std::size_t most) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size() && parts.size() <= most;) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace oko
