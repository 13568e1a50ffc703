#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"

namespace oko::image {

/// Rewrites a HEIF file, with the same pictures and size, so that all versions of libheif read it;
/// nothing if they read `bytes` already. iOS 18 has gain maps that belong to two items, which
/// libheif before 1.18 refuses; a primary item `tmap` (ISO 21496-1) is replaced by its base
/// picture.
std::optional<std::vector<std::byte>> readable_heif(std::span<const std::byte> bytes);

/// The number of pictures that a viewer could show besides the primary one: no tiles, thumbnails,
/// gain maps, other codings or views of the same; and the frames of a sequence except the first.
std::uint64_t other_heif_pictures(std::span<const std::byte> bytes);

/// True if the data or their description reach beyond the file: newer versions of libheif draw
/// the rest silently.
bool is_cut_heif(std::span<const std::byte> bytes);

/// The coding of the primary picture, if it is neither HEVC nor AV1: "AVC (H.264)". Empty: it is
/// one of them, or unknown.
LocalizedText unusual_heif(std::span<const std::byte> bytes);

}  // namespace oko::image
