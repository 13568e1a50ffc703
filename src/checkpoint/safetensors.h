#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oko::checkpoint {

/// Element types of safetensors files that oko reads and writes. kOther: any other type; such a
/// tensor is an error only if a layer needs it.
enum class Dtype { kFloat32, kFloat16, kBfloat16, kUint32, kInt32, kInt64, kUint8, kOther };

/// Bytes of one element; of kOther 1.
std::size_t size_of(Dtype dtype);

/// "F32", "BF16", ...: the name in a safetensors header.
std::string_view safetensors_name(Dtype dtype);

/// One tensor of a file.
struct TensorInfo {
  Dtype dtype = Dtype::kFloat32;
  std::vector<std::int64_t> shape;  ///< every dimension in 1..2^31-1; empty for a scalar
  std::uint64_t offset = 0;         ///< of the first byte, from the start of the file
  std::uint64_t size = 0;           ///< bytes
  std::string other_dtype = {};     ///< of kOther: its name in the header, "F8_E4M3"
};

using TensorTable = std::map<std::string, TensorInfo, std::less<>>;

/// Reads the header of a safetensors file and checks all that a reader relies on: its dimensions,
/// products that do not wrap, sizes that match (except of kOther), tensors inside the file, no
/// overlap, no duplicate names. Leaves tensors without elements out. `file` is the file from its
/// first byte (at least the header); `file_size` its length on disk; `name` is for messages. Throws
/// kBadModel. Format: https://github.com/huggingface/safetensors (8 bytes of little-endian header
/// length, JSON, data).
TensorTable parse_safetensors(std::span<const std::byte> file, std::uint64_t file_size,
                              std::string_view name);

/// A text of the header's "__metadata__"; empty if there is none, or no such header.
std::string safetensors_metadata(std::span<const std::byte> file, std::string_view key);

}  // namespace oko::checkpoint
