#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/localized_text.h"

namespace oko::image {

/// The kinds of picture that oko reads. kHeic stands for every HEIF brand, AVIF among them.
enum class Format { kJpeg, kPng, kWebp, kHeic, kTiff, kGif, kBmp };

/// The kind of a picture file by its first bytes, never by its name. 64 bytes are sufficient; a
/// shorter `head` may do. Nothing if it is not a picture that oko reads.
std::optional<Format> sniff(std::span<const std::byte> head);

/// True if a file's name ends as those of pictures that oko reads do: ".jpg", ".JPEG", ...
bool is_named_as_picture(const std::filesystem::path& file);

/// "JPEG", "PNG", ...
std::string_view format_name(Format format);

/// The kind of a file that is not a picture, by its start: "plain text",
/// "a PDF document", ... for messages.
LocalizedText describe_head(std::span<const std::byte> head);
/// False for what `describe_head` calls unknown.
bool is_known_kind(std::span<const std::byte> head);

}  // namespace oko::image
