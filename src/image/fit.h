#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/localized_text.h"
#include "image/picture_file.h"

namespace oko::image {

/// The header of a picture file, under limits that make its decoded picture fit.
struct Fitted {
  Header header;
  Limits limits;  ///< for `load`
};

/// Shrinks page `page` of a picture file, by 2, 4 or 8 each way, until `bytes_of` its header is
/// `bytes` or less, but not below 1 megapixel, even if that takes more. Throws as `read_header`.
Fitted fit(const InputFile& file, int page, std::uint64_t bytes,
           const std::function<std::uint64_t(const Header&)>& bytes_of);

/// The same with another way to read the header under given limits.
Fitted fit(const std::function<Header(const Limits&)>& read, std::uint64_t bytes,
           const std::function<std::uint64_t(const Header&)>& bytes_of);

/// A note for the user: the sizes of a picture that was shrunk while it was decoded.
LocalizedText shrinking_of(const Image& image);

/// A note for the user: the file has more pictures than oko reads; empty: it has none.
LocalizedText others_of(const Header& header);

}  // namespace oko::image
