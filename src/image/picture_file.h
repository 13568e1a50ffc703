#pragma once

#include "base/input_file.h"
#include "image/image.h"

namespace oko::image {

// The functions of image.h for an open file.

Image load(const InputFile& file, const Limits& limits = {}, int page = 0);
Header read_header(const InputFile& file, const Limits& limits = {}, int page = 0);
int page_count(const InputFile& file, const Limits& limits = {});

}  // namespace oko::image
