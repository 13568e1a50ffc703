#pragma once

#include <cstdint>
#include <string_view>

#include "base/localized_text.h"
#include "image/image.h"

namespace oko::image {

/// Throws kBadInput if a picture of `width` × `height` pixels is empty, kTooLarge if it is over
/// `limits`.
void check_size(const LocalizedText& name, std::int64_t width, std::int64_t height,
                const Limits& limits);

/// Throws kBadInput: the data do not decode. `words`: of the decoder, may be empty.
[[noreturn]] void throw_damaged(const LocalizedText& name, Format format,
                                std::string_view words = {});

/// Throws kUnsupported: a variant of `format` that oko does not read, named by `what`.
[[noreturn]] void throw_unsupported(const LocalizedText& name, Format format,
                                    const LocalizedText& what);

}  // namespace oko::image
