#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "index/best_rows.h"
#include "tensor/cpu/thread_pool.h"

namespace oko::index {

inline constexpr std::size_t kBlockRows = 1024;  ///< of a CodeView; its last block may have fewer

/// Rows of codes (`encode_vector`) in memory, block by block. Its owner keeps the memory.
struct CodeView {
  const std::uint8_t* codes_of(std::size_t block) const { return codes + block * codes_stride; }
  const float* scales_of(std::size_t block) const { return scales + block * scales_stride; }

  std::size_t dimensions = 0;
  std::size_t rows = 0;
  const std::uint8_t* codes = nullptr;  ///< (kBlockRows, dimensions) a block
  const float* scales = nullptr;        ///< (kBlockRows) a block
  std::size_t codes_stride = 0;         ///< bytes from a block to the next
  std::size_t scales_stride = 0;        ///< floats
};

/// Rows that lie one after the other, with one scale each.
CodeView view_of(std::span<const std::uint8_t> codes, std::span<const float> scales,
                 std::size_t dimensions);

/// The k rows with the largest inner products with `query`, in the order of `is_before`, or all if
/// there are fewer. Exact sums of integers: the same answer, to the bit, on any processor and for
/// any number of threads. `live`: a bit a row, bit r % 64 of word r / 64, of rows that may be
/// returned; empty: all may. Reads every live row once and holds some 2k rows a thread. Codes have
/// 8 bits, so some of the last of k are not those of f32: ask for 4k and `rescore` them. Throws
/// kUnsupported, kFailed: `query`; std::bad_alloc.
std::vector<ScoredRow> top_rows(const CodeView& view, std::span<const float> query, std::size_t k,
                                std::span<const std::uint64_t> live = {},
                                tensor::cpu::ThreadPool& pool = tensor::cpu::thread_pool());

/// The inner product in f64, of vectors whose size is a multiple of kDimensionStep.
double exact_product(std::span<const float> a, std::span<const float> b);

/// Writes the vector of a row; false: there is none.
using ReadVector = std::function<bool(std::uint32_t row, std::span<float> vector)>;

/// The k best of `candidates` by the inner products of their real vectors, in f64; rows without a
/// vector are left out.
std::vector<ScoredRow> rescore(std::span<const ScoredRow> candidates, std::span<const float> query,
                               std::size_t k, const ReadVector& read);

}  // namespace oko::index
