#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string_view>

namespace oko::checkpoint {

/// One file of an archive, stored as it is.
struct ZipEntry {
  std::uint64_t offset = 0;  ///< of its first byte, from the start of the archive
  std::uint64_t size = 0;    ///< bytes
};

/// Entries by name; names lie in the archive's own bytes.
using ZipDirectory = std::map<std::string_view, ZipEntry, std::less<>>;

/// Reads the directory of a zip archive whose entries are stored, not compressed (zip64 too), and
/// checks all that a reader relies on: every entry lies inside the archive, before the directory,
/// none overlaps another, no name comes twice, each local header agrees with the directory. Does
/// not compute checksums. `name` is for messages. Throws kBadModel. Format: PKWARE's APPNOTE.TXT.
ZipDirectory read_zip_directory(std::span<const std::byte> file, std::string_view name);

}  // namespace oko::checkpoint
