#pragma once

#include <string_view>

namespace oko::document {

/// True if the segments of a picture of the filter JBIG2Decode (ITU-T T.88, 7.2) reach beyond its
/// data.
bool is_cut_jbig2(std::string_view data);

}  // namespace oko::document
