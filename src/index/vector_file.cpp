#include "index/vector_file.h"

#include <xxhash.h>

#include <bit>
#include <cstring>

#include "base/error.h"
#include "index/vector_file_layout.h"

namespace oko::index {
namespace {

std::uint64_t checksum_of(const VectorFileHeader& header) {
  return XXH3_64bits(&header, offsetof(VectorFileHeader, checksum));
}

/// The valid slot with the larger sequence; false: none is.
bool read_slots(std::span<const std::byte> begin, VectorFileHeader& header) {
  bool is_found = false;
  for (const std::size_t offset : {std::size_t{0}, kVectorSlotBytes}) {
    VectorFileHeader read;
    if (offset + sizeof(read) > begin.size()) break;
    std::memcpy(&read, begin.data() + offset, sizeof(read));
    if (read.magic != kVectorFileMagic || read.checksum != checksum_of(read)) continue;
    if (is_found && read.sequence < header.sequence) continue;
    header = read;
    is_found = true;
  }
  return is_found;
}

VectorFileFault compare(const VectorFileHeader& header, std::uint64_t size,
                        const VectorFileState& expected) {
  using enum VectorFileFault;
  if (header.version != kVectorFileVersion || header.format != kVectorFormat ||
      header.block_rows != kBlockRows) {
    return kOtherVersion;
  }
  if (header.library != expected.library) return kOtherLibrary;
  if (header.generation != expected.generation) return kOtherGeneration;
  if (header.dimensions != expected.dimensions) return kOtherDimensions;
  const bool has_rows =
      header.rows >= expected.rows && size >= vector_file_bytes(expected.rows, expected.dimensions);
  return has_rows ? kNone : kFewerRows;
}

}  // namespace

const char* name_of(VectorFileFault fault) {
  switch (fault) {
    case VectorFileFault::kNone:
      return "none";
    case VectorFileFault::kMissing:
      return "missing";
    case VectorFileFault::kDamaged:
      return "damaged";
    case VectorFileFault::kOtherVersion:
      return "other_version";
    case VectorFileFault::kOtherLibrary:
      return "other_library";
    case VectorFileFault::kOtherGeneration:
      return "other_generation";
    case VectorFileFault::kOtherDimensions:
      return "other_dimensions";
    case VectorFileFault::kFewerRows:
      return "fewer_rows";
  }
  return "unknown";
}

std::uint32_t row_checksum(std::uint64_t id, float scale, std::span<const std::uint8_t> codes) {
  const std::uint64_t seed = id ^ (std::uint64_t{std::bit_cast<std::uint32_t>(scale)} << 32);
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(codes.data(), codes.size(), seed));
}

VectorFileHeader header_of(const VectorFileState& state, std::uint64_t sequence) {
  VectorFileHeader header;
  header.library = state.library;
  header.dimensions = state.dimensions;
  header.generation = state.generation;
  header.rows = state.rows;
  header.sequence = sequence;
  header.checksum = checksum_of(header);
  return header;
}

VectorFileFault read_header(std::span<const std::byte> begin, std::uint64_t size,
                            const VectorFileState& expected, VectorFileHeader& header) {
  require_dimensions(expected.dimensions);
  if (!read_slots(begin, header)) return VectorFileFault::kDamaged;
  return compare(header, size, expected);
}

VectorFile::VectorFile(const std::filesystem::path& path, const VectorFileState& state)
    : file_(path, ErrorCode::kFailed), state_(state) {}

std::unique_ptr<VectorFile> VectorFile::open(const std::filesystem::path& path,
                                             const VectorFileState& expected,
                                             VectorFileFault& fault) {
  std::unique_ptr<VectorFile> opened;
  try {
    opened.reset(new VectorFile(path, expected));
  } catch (const Error&) {
    fault = VectorFileFault::kMissing;
    return nullptr;
  }
  const std::span<const std::byte> bytes = opened->file_.bytes();
  VectorFileHeader header;
  fault = read_header(bytes, bytes.size(), expected, header);
  if (fault != VectorFileFault::kNone) opened.reset();
  return opened;
}

const std::byte* VectorFile::block(std::uint64_t row) const {
  return file_.bytes().data() + block_offset(row, state_.dimensions);
}

CodeView VectorFile::view() const {
  const std::byte* first = block(0);
  const std::size_t stride = block_bytes(state_.dimensions);
  return {.dimensions = state_.dimensions,
          .rows = state_.rows,
          .codes = reinterpret_cast<const std::uint8_t*>(first + kCodesOffset),
          .scales = reinterpret_cast<const float*>(first),
          .codes_stride = stride,
          .scales_stride = stride / sizeof(float)};
}

std::uint64_t VectorFile::id_of(std::uint64_t row) const {
  std::uint64_t id;
  std::memcpy(&id, block(row) + kIdsOffset + row % kBlockRows * sizeof(id), sizeof(id));
  return id;
}

std::optional<std::uint64_t> VectorFile::first_damaged(std::uint64_t first,
                                                       std::uint64_t last) const {
  const CodeView codes = view();
  for (std::uint64_t row = first; row < last; ++row) {
    const std::size_t in_block = row % kBlockRows;
    std::uint32_t checksum;
    std::memcpy(&checksum, block(row) + kChecksumsOffset + in_block * sizeof(checksum),
                sizeof(checksum));
    const std::span<const std::uint8_t> of_row{
        codes.codes_of(row / kBlockRows) + in_block * codes.dimensions, codes.dimensions};
    if (checksum != row_checksum(id_of(row), codes.scales_of(row / kBlockRows)[in_block], of_row)) {
      return row;
    }
  }
  return std::nullopt;
}

}  // namespace oko::index
