#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/cpu/aligned_vector.h"

namespace oko::tensor::cpu {

/// The largest integer of an activation. Sums of a group fit 32 bits: 128 codes of 8 bits times
/// kLimit, and kDenseGroup times kDenseLimit times kDenseInputLimit.
inline constexpr float kLimit = 32'767;            ///< activations that meet codes
inline constexpr float kByteLimit = 127;           ///< activations and weights in 8 bits
inline constexpr std::size_t kByteGroup = 128;     ///< columns of both that share a scale then
inline constexpr std::size_t kDenseGroup = 64;     ///< columns of a dense weight with one scale
inline constexpr float kDenseLimit = 2'047;        ///< dense weights
inline constexpr float kDenseInputLimit = 16'383;  ///< activations that meet them

inline constexpr std::size_t kAmxRows = 16;  ///< of a tile of AMX

/// Rows of activations that are made integers at a time: bounds the copy.
inline constexpr std::size_t kMaxIntegerRows = 1024;

/// Rows of activations as integers of 16 or 8 bits: in every group of
/// columns x = scale · q, with one scale a group, |x - scale · q| <= max |x of the group| / (2 ·
/// the limit). Columns lie in slices that the kernels work through one after the other.
struct IntegerInput {
  std::size_t rows = 0;
  std::size_t depth = 0;       ///< columns of a slice; the last slice is padded
  std::size_t group_size = 0;  ///< of columns; the last group may be shorter
  std::size_t groups = 0;      ///< of a row
  std::size_t item = 2;        ///< bytes of a number
  bool in_tiles = false;  ///< they meet AMX or Arm's products of bytes: those of 16 bits are then
                          ///< halved, a row of a slice being all low bytes, then all high ones
  AlignedVector<std::byte> q;  ///< (slices, rows, depth), and room for a tile from any row on
  std::vector<float> scales;   ///< (rows, groups)
  std::vector<float> sums;     ///< (rows, groups), what a group's bias multiplies: of x itself, or
                               ///< of scale · q where codes meet bytes

  std::byte* row(std::size_t slice, std::size_t row) {
    return q.data() + (slice * rows + row) * depth * item;
  }
  const std::byte* row(std::size_t slice, std::size_t row) const {
    return q.data() + (slice * rows + row) * depth * item;
  }
};

/// A few rows of activations as integers of 16 bits, row by row within each pair of columns. Copies
/// of the last row pad them to a number that kernels are made for.
struct FewRowsInput {
  std::size_t rows = 0;
  std::size_t padded_rows = 0;
  std::size_t groups = 0;             ///< of columns
  AlignedVector<std::int32_t> pairs;  ///< (columns / 2, padded rows): two columns each, as
                                      ///< shifts of a packed word bring their codes together
  std::vector<float> scales;          ///< (groups, padded rows)
  std::vector<float> sums;            ///< (groups, padded rows), of x itself
};

}  // namespace oko::tensor::cpu
