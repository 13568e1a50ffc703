#pragma once

#include <cstdint>
#include <string_view>

#include "image/image.h"

namespace oko::image {

/// Throws kBadInput if a picture of `width` × `height` pixels is empty or over `limits`.
void check_size(std::string_view name, std::int64_t width, std::int64_t height,
                const Limits& limits);

/// Throws kBadInput: the data do not decode. `words`: of the decoder, may be empty.
[[noreturn]] void throw_damaged(std::string_view name, Format format, std::string_view words = {});

/// Throws kBadInput: a variant of `format` that oko does not read, named by `what`.
[[noreturn]] void throw_unsupported(std::string_view name, Format format, std::string_view what);

}  // namespace oko::image
