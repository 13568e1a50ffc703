#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace oko::models::bge_m3 {

/// Makes one vector from a text's hidden states. Reference: sentence-transformers, Pooling.
enum class Pooling {
  kCls,             ///< the first token's
  kMax,             ///< of each number the largest
  kMean,            ///< their mean
  kMeanSqrtLength,  ///< their sum divided by the root of their count
  kWeightedMean,    ///< their mean, the first counted once, the second twice and so on
  kLastToken,       ///< the last token's
};

/// Finds a mode by its name in a configuration ("mean_sqrt_len_tokens"); nothing if there is none.
std::optional<Pooling> pooling_of(std::string_view name);

/// The vectors of all `modes`, concatenated, not normalized. `rows`: (count, width) hidden states,
/// count >= 1.
std::vector<float> pool(std::span<const Pooling> modes, const float* rows, std::size_t count,
                        std::size_t width);

/// Divides a vector by its length; a vector of zeros stays.
void normalize(std::span<float> vector);

}  // namespace oko::models::bge_m3
