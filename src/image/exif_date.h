#pragma once

#include <vips/vips.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace oko::image {

/// A date of EXIF, "2024:05:01 12:00:00", with its zone, "+03:00"; without one it counts as UTC.
/// Nothing if it is none.
std::optional<std::chrono::sys_seconds> parse_exif_date(std::string_view date,
                                                        std::string_view zone);

/// The time at which an opened picture was taken, as the camera says; else of its digitization or
/// last change (EXIF 2.32, tags 0x9003, 0x9004 and 0x0132). Nothing if the file does not say.
std::optional<std::chrono::sys_seconds> exif_date(VipsImage* image);

}  // namespace oko::image
