#pragma once

#include <filesystem>
#include <string>

#include "index/library.h"

namespace oko::index {

/// Words that a document's first chunk is found by, too.
inline std::string heading_of(const Document& document) {
  const std::string stem = std::filesystem::path(document.path).stem().string();
  return document.title.empty() ? stem : document.title + " " + stem;
}

}  // namespace oko::index
