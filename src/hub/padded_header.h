#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace oko::hub {

/// Spaces that are added to the header of a safetensors file, which the format allows: they move
/// all tensors.
struct Padding {
  std::uint64_t at = 0;     ///< the end of the published header
  std::uint64_t count = 0;  ///< spaces

  bool operator==(const Padding&) const = default;
};

/// Bytes of a safetensors file up to its tensors, by its first 8 bytes. Nothing if that is more
/// than the whole file or than any header has.
std::optional<std::uint64_t> header_end(std::span<const std::byte> first_bytes,
                                        std::uint64_t file_size);

/// The padding after which every tensor starts at a multiple of its element's size. Its count is 0
/// if they do already, if no padding does it, or if `header`, the file up to its tensors, is
/// damaged.
Padding padding_of(std::span<const std::byte> header, std::uint64_t file_size);

/// `header` with its padding.
std::string padded(std::span<const std::byte> header, const Padding& padding);

/// Gives `bytes` of a padded file from `offset` the published length of the header, where they have
/// it.
void unpad_length(std::span<std::byte> bytes, std::uint64_t offset, const Padding& padding);

}  // namespace oko::hub
