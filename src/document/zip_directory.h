#pragma once

#include <cstdint>

#include "base/input_file.h"

namespace oko::document {

/// Bytes of all parts of a ZIP file, unpacked, as its directory says: anybody may have written it.
/// 0 if there is none, UINT64_MAX if it is too large or of ZIP64 (PKWARE's
/// APPNOTE, 4.3.12, 4.3.16).
std::uint64_t unpacked_bytes(const InputFile& file);

}  // namespace oko::document
