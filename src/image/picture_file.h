#pragma once

#include "base/input_file.h"
#include "image/image.h"

namespace oko::image {

/// A mapped file costs no copy, but one that is cut meanwhile ends the process (VanishedPages).
/// Large files are always mapped.
enum class FileBytes { kRead, kMapped };

// The functions of image.h for an open file.

Image load(const InputFile& file, const Limits& limits = {}, int page = 0,
           FileBytes bytes = FileBytes::kRead);
Header read_header(const InputFile& file, const Limits& limits = {}, int page = 0,
                   FileBytes bytes = FileBytes::kRead);
int page_count(const InputFile& file, const Limits& limits = {},
               FileBytes bytes = FileBytes::kRead);

}  // namespace oko::image
