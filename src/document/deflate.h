#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace oko::document {

/// Compresses for the filter FlateDecode of PDF. Throws kFailed.
std::string deflated(std::string_view bytes);

/// True if zlib finds invalid data, or if the data end within a block. Data that end behind a block
/// are complete: many files lack the last block or the checksum. `inflated` gets at most about
/// `kept` bytes of the result.
bool is_damaged_deflate(std::span<const std::byte> data, std::size_t kept, std::string& inflated);

}  // namespace oko::document
