#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "index/vector_codes.h"
#include "index/vector_file.h"

namespace oko::index {

static_assert(std::endian::native == std::endian::little, "files are mapped as they are");

inline constexpr std::size_t kVectorHeaderBytes = 16384;  ///< a page, on every system
inline constexpr std::size_t kVectorSlotBytes = 8192;
inline constexpr std::uint64_t kVectorFileMagic = 0x31434556'4F4B4F01;  ///< "\1OKOVEC1"

struct VectorFileHeader {
  std::uint64_t magic = kVectorFileMagic;
  std::uint32_t version = kVectorFileVersion;
  std::uint32_t format = kVectorFormat;
  LibraryId library{};
  std::uint32_t dimensions = 0;
  std::uint32_t block_rows = kBlockRows;
  std::uint64_t generation = 0;
  std::uint64_t rows = 0;
  std::uint64_t sequence = 0;  ///< of headers: slot sequence % 2
  std::uint64_t checksum = 0;  ///< XXH3 of all before it
};
static_assert(sizeof(VectorFileHeader) == 72);

/// Places within a block.
inline constexpr std::size_t kChecksumsOffset = kBlockRows * sizeof(float);
inline constexpr std::size_t kIdsOffset = kChecksumsOffset + kBlockRows * sizeof(std::uint32_t);
inline constexpr std::size_t kCodesOffset = kIdsOffset + kBlockRows * sizeof(std::uint64_t);

inline std::size_t block_bytes(std::size_t dimensions) {
  return kCodesOffset + kBlockRows * dimensions;
}
inline std::uint64_t block_offset(std::uint64_t row, std::size_t dimensions) {
  return kVectorHeaderBytes + row / kBlockRows * block_bytes(dimensions);
}
/// Bytes of a file of so many rows.
inline std::uint64_t vector_file_bytes(std::uint64_t rows, std::size_t dimensions) {
  return block_offset(rows + kBlockRows - 1, dimensions);
}

std::uint32_t row_checksum(std::uint64_t id, float scale, std::span<const std::uint8_t> codes);

/// The header with its checksum.
VectorFileHeader header_of(const VectorFileState& state, std::uint64_t sequence);

/// Reads the header from the first bytes of a file of `size` bytes, and compares it with
/// `expected`.
VectorFileFault read_header(std::span<const std::byte> begin, std::uint64_t size,
                            const VectorFileState& expected, VectorFileHeader& header);

}  // namespace oko::index
