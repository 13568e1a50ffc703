#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/thread_pool.h"

namespace oko::index {

/// Version of stored token codes: these, and `rotate`.
inline constexpr std::uint8_t kTokenFormat = 1;

/// Of a coordinate, in libraries: a token of 1024 takes 516 bytes.
inline constexpr int kLibraryTokenBits = 4;

/// Token vectors of a chunk (ColBERT) in 2, 4 or 8 bits a coordinate without training. They are
/// rotated (`rotate`) and their mean, in 8 bits, is taken off: tokens of a text are alike. What is
/// left is normal, so it gets the levels of Max (1960), "Quantizing for minimum distortion"; 8 bits
/// are evenly spaced. The scale of a token makes the inner product of what is left with its codes
/// exact, so scores are on the scale of f32's.
///
/// The bytes, little-endian: kTokenFormat (u8), bits (u8), dimensions (u16), tokens (u32); the
/// mean: its scale (f32), its coordinates (u8) as in `encode_vector`; then a scale (f32) a token,
/// then a row of dimensions · bits / 8 bytes a token. Runs of 16 coordinates share bytes: byte j of
/// each 16 bytes of a row has, from its low bits up, coordinate j of 8 / bits runs that follow each
/// other.
///
/// `vectors`: tokens by dimensions, of any length; dimensions as `require_dimensions` and a
/// multiple of 64. `bytes`: memory to use again, such as an earlier result. Throws kUnsupported:
/// dimensions, bits; kFailed: a number that is not finite.
std::vector<std::uint8_t> encode_tokens(std::span<const float> vectors, std::size_t dimensions,
                                        int bits,
                                        tensor::cpu::ThreadPool& pool = tensor::cpu::thread_pool(),
                                        std::vector<std::uint8_t> bytes = {});

/// What the codes stand for, tokens by dimensions. Throws kFailed if they are damaged.
std::vector<float> decode_tokens(std::span<const std::uint8_t> codes);

/// Token vectors of a query in 8 bits, as `max_sim` multiplies them.
struct TokenQuery {
  /// Throws as `encode_tokens`.
  TokenQuery(std::span<const float> vectors, std::size_t dimensions);

  std::size_t dimensions;
  std::size_t tokens;  ///< without those of zeros that fill the last tile
  tensor::cpu::AlignedVector<std::int8_t> bytes;
  tensor::cpu::AlignedVector<std::int16_t> shorts;  ///< the same
  std::vector<std::uint32_t> offsets;               ///< 128 · sum of a token's codes
  std::vector<float> scales;
  tensor::cpu::AlignedVector<std::int8_t> pairs;  ///< `bytes`, `copy_to_pair`
};

/// How well each chunk answers the query: the mean over the query's tokens of the largest inner
/// product with a token of the chunk, as BGE-M3 has it (FlagEmbedding, `colbert_score`). 0 for a
/// chunk or a query without tokens. The same to the bit on any processor, for any number of
/// threads. Throws kFailed if codes are damaged or of other dimensions.
std::vector<float> max_sim(const TokenQuery& query,
                           std::span<const std::span<const std::uint8_t>> chunks,
                           tensor::cpu::ThreadPool& pool = tensor::cpu::thread_pool());

}  // namespace oko::index
