#pragma once

#include "base/input_file.h"
#include "image/image.h"

namespace oko::image {

// What image.h has for paths, for a file that is open already.

Image load(const InputFile& file, const Limits& limits = {}, int page = 0);
Header read_header(const InputFile& file, const Limits& limits = {}, int page = 0);
int page_count(const InputFile& file, const Limits& limits = {});

}  // namespace oko::image
